import { mkdtemp, rm } from 'node:fs/promises';
import { busyboxRootfs, runtimeConformance } from '@gantry/conformance/runtime';
import { afterAll, describe, test } from 'vitest';

const rootfs = await busyboxRootfs(await mkdtemp('/tmp/gantry-test-rootfs-'));
afterAll(() => rm(rootfs, { recursive: true }));

describe.runIf(process.getuid?.() === 0)('linux on this machine', () => {
  runtimeConformance({ test, plugin: new URL('../src/index.ts', import.meta.url), rootfs });
});
