import { bind, importPlugin, register, type BoundCase, type Case, type Mode, type TestFunction } from '../harness/index.ts';
import { control } from './control.ts';
import { crashing } from './crashing.ts';
import { ending } from './ending.ts';
import { events } from './events.ts';
import { execs } from './execs.ts';
import { exits } from './exits.ts';
import { RuntimeFixture, type RuntimeSubject } from './fixture.ts';
import { isolation } from './isolation.ts';
import { lifecycle } from './lifecycle.ts';
import { limits } from './limits.ts';
import { repeated } from './repeated.ts';
import { sandboxes } from './sandboxes.ts';
import { streams } from './streams.ts';
import { terminals } from './terminals.ts';

/** A part of the kit. */
export type RuntimeSuite = 'lifecycle' | 'exits' | 'streams' | 'terminals' | 'execs' | 'control' | 'limits' | 'isolation' | 'sandboxes' | 'events' | 'repeated' | 'dispose' | 'crash';

const suites: Readonly<Record<RuntimeSuite, readonly Omit<Case<RuntimeFixture>, 'suite'>[]>> = {
  lifecycle,
  exits,
  streams,
  terminals,
  execs,
  control,
  limits,
  isolation,
  sandboxes,
  events,
  repeated,
  dispose: ending,
  crash: crashing,
};

export interface RuntimeConformanceOptions {
  /** A module that exports a runtime plugin by default. A URL, since child processes import it too, to be killed. */
  readonly plugin: URL;
  /** What the plugin is opened with. */
  readonly options?: unknown;
  /** A tree with a busybox and what `busyboxRootfs` puts there, as a path of the containers' machine; nothing is written to it but mount points. */
  readonly rootfs: string;
  /** Folder for the temporary folders; the system's own unless told. */
  readonly tmp?: string;
  /** All unless told. */
  readonly suites?: readonly RuntimeSuite[];
  /** Directly, through a proxy, or, unless told, both. */
  readonly modes?: readonly Mode[];
}

/** All of them, in the order in which they make sense. */
export const runtimeSuites: readonly RuntimeSuite[] = [
  'lifecycle', 'exits', 'streams', 'terminals', 'execs', 'control', 'limits', 'isolation', 'sandboxes', 'events', 'repeated', 'dispose', 'crash',
];

/** The cases, for a runner of one's own. */
export function runtimeCases(o: RuntimeConformanceOptions): BoundCase[] {
  let subject: Promise<RuntimeSubject> | undefined; // runners want to know all cases at once: the plugin is imported by the first one
  const load = async (): Promise<RuntimeSubject> => ({ plugin: await importPlugin(o.plugin.href, 'runtime'), url: o.plugin, options: o.options ?? {}, rootfs: o.rootfs, tmp: o.tmp });
  const cases = (o.suites ?? runtimeSuites).flatMap((suite) => suites[suite].map((c) => ({ suite, ...c })));
  return bind<RuntimeFixture>(cases, o.modes ?? ['direct', 'proxied'], async (mode) => await RuntimeFixture.open(await (subject ??= load()), mode));
}

/**
 * Proves that a runtime driver keeps the promises of `Runtime`, with real containers: root is needed.
 *
 * @param o.test `test` of node:test or of vitest.
 *
 * @example
 * import { mkdtemp } from 'node:fs/promises';
 * import test from 'node:test';
 * import { busyboxRootfs, runtimeConformance } from '@gantry/conformance/runtime';
 *
 * const rootfs = await busyboxRootfs(await mkdtemp('/tmp/rootfs-'));
 * runtimeConformance({ test, plugin: new URL('../dist/index.js', import.meta.url), rootfs });
 */
export function runtimeConformance({ test, ...o }: RuntimeConformanceOptions & { readonly test: TestFunction }): void {
  register(test, runtimeCases(o));
}
