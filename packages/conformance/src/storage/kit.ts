import { bind, importPlugin, register, type BoundCase, type Mode, type TestFunction } from '../harness/index.ts';
import { aborting } from './aborting.ts';
import { basics } from './basics.ts';
import { capabilities } from './capabilities.ts';
import { crashing } from './crashing.ts';
import { ending } from './ending.ts';
import { StorageFixture, type StorageCases, type StorageSubject } from './fixture.ts';
import { lifecycle } from './lifecycle.ts';
import { parallel } from './parallel.ts';
import { repeated } from './repeated.ts';
import { tars } from './tars.ts';

/** A part of the kit. */
export type StorageSuite = 'basics' | 'lifecycle' | 'tar' | 'repeated' | 'abort' | 'concurrency' | 'dispose' | 'capabilities' | 'crash';

const suitesOf = (instants: number): Readonly<Record<StorageSuite, StorageCases>> => ({
  basics,
  lifecycle,
  tar: tars,
  repeated,
  abort: aborting,
  concurrency: parallel,
  dispose: ending,
  capabilities,
  crash: crashing(instants),
});

export interface StorageConformanceOptions {
  /** A module that exports a storage plugin by default. A URL, since child processes import it too, to be killed. */
  readonly plugin: URL;
  /** What the plugin is opened with. */
  readonly options?: unknown;
  /** Folder for the temporary folders, and with it the file system; the system's own unless told. */
  readonly tmp?: string;
  /** All unless told. */
  readonly suites?: readonly StorageSuite[];
  /** Directly, through a proxy, or, unless told, both. */
  readonly modes?: readonly Mode[];
  /** Instants of each step of a driver's life at which suite `crash` kills it, besides right before; 3 unless told. More find more. */
  readonly instants?: number;
}

/** All of them, in the order in which they make sense. */
export const storageSuites: readonly StorageSuite[] = ['basics', 'lifecycle', 'tar', 'repeated', 'abort', 'concurrency', 'dispose', 'capabilities', 'crash'];

/** The cases, for a runner of one's own. */
export function storageCases(o: StorageConformanceOptions): BoundCase[] {
  let subject: Promise<StorageSubject> | undefined; // runners want to know all cases at once: the plugin is imported by the first one
  const load = async (): Promise<StorageSubject> => ({ plugin: await importPlugin(o.plugin.href, 'storage'), url: o.plugin, options: o.options ?? {}, tmp: o.tmp });
  const suites = suitesOf(o.instants ?? 3);
  const cases = (o.suites ?? storageSuites).flatMap((suite) => suites[suite].map((c) => ({ suite, ...c })));
  return bind<StorageFixture>(cases, o.modes ?? ['direct', 'proxied'], async (mode) => await StorageFixture.open(await (subject ??= load()), mode));
}

/**
 * Proves that a storage driver keeps the promises of `StorageDriver`, on the real kernel: root is needed.
 *
 * @param o.test `test` of node:test or of vitest.
 *
 * @example
 * import test from 'node:test';
 * import { storageConformance } from '@gantry/conformance/storage';
 *
 * storageConformance({ test, plugin: new URL('../dist/index.js', import.meta.url) });
 */
export function storageConformance({ test, ...o }: StorageConformanceOptions & { readonly test: TestFunction }): void {
  register(test, storageCases(o));
}
