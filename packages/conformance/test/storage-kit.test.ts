import { describe, expect, it, test } from 'vitest';
import { storageCases, storageConformance, type StorageSuite } from '../src/storage/index.ts';
import type { Fault } from './model/driver.ts';

const plugin = new URL('./model/plugin.ts', import.meta.url);
/** Memory, since it is the kit that is tried here and no file system. */
const tmp = '/dev/shm';

/** Drivers mount: that takes root. */
const asRoot = process.geteuid?.() === 0;

describe.runIf(asRoot)('a right driver passes', () => {
  storageConformance({ test, plugin, tmp, modes: ['direct'], instants: 1 });
});

/** For each fault a case that must find it, by a piece of its title. */
const faults: Readonly<Record<Fault, readonly [suite: StorageSuite, title: string]>> = {
  'publish-not-atomic': ['crash', 'of "ingest and publish" (step 1)'],
  'remove-ignores-children': ['lifecycle', 'what has children or holders cannot be removed'],
  'expect-not-checked': ['abort', 'what is not the expected digest is dataLoss'],
  'release-not-idempotent': ['repeated', 'release() of what is not held resolves'],
  'diff-loses-whiteouts': ['lifecycle', 'diff() of a snapshot, over the same parent'],
  'implied-folders-forget': ['tar', 'folders that a tar implies are as in the parent'],
  'holders-forgotten': ['dispose', 'mounts and holders outlive the driver'],
  'throws-plain-errors': ['basics', 'what is absent is notFound'],
  'abort-ignored': ['abort', 'ingest() ends at once'],
  'leaves-mounts': ['basics', 'a view cannot be written to'],
};

describe.runIf(asRoot)('a driver with a fault is caught', () => {
  it.each(Object.entries(faults))('%s', async (fault, [suite, title]) => {
    const cases = storageCases({ plugin, options: { fault }, tmp, suites: [suite], modes: ['direct'] }).filter((c) => c.title.includes(title));
    expect(cases).not.toEqual([]);
    const failures: unknown[] = [];
    for (const c of cases) await c.run().catch((e: unknown) => failures.push(e));
    expect(failures).not.toEqual([]);
  }, 120_000);
});
