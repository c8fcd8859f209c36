import type { Kinds } from '@gantry/driver-api';

/** How a method answers: once, or by an iterable that the consumer pulls. */
export type Answer = 'promise' | 'iterable';

type MethodsOf<D> = {
  readonly [M in keyof D as M extends string ? (D[M] extends (...args: never[]) => unknown ? M : never) : never]: D[M] extends (...args: never[]) => AsyncIterable<unknown>
    ? 'iterable'
    : 'promise';
};

const driver = { status: 'promise', check: 'iterable' } as const;

/** The methods of each seam: the compiler sees to it that none is missing, and that each answers as it says. */
export const shapes: { readonly [K in keyof Kinds]: MethodsOf<Kinds[K]> } = {
  storage: {
    ...driver,
    layer: 'promise', snapshot: 'promise', list: 'iterable', begin: 'promise', ingest: 'promise', publish: 'promise', rebase: 'promise', discard: 'promise', prepare: 'promise',
    mount: 'promise', lend: 'promise', release: 'promise', commit: 'promise', diff: 'iterable', changes: 'iterable', usage: 'promise', remove: 'promise', gc: 'promise',
  },
  network: {
    ...driver,
    validate: 'promise', createNetwork: 'promise', deleteNetwork: 'promise', plug: 'promise', attach: 'promise', update: 'promise', detach: 'promise', publish: 'promise', stats: 'promise', list: 'iterable', reconcile: 'promise',
  },
  volume: {
    ...driver,
    validate: 'promise', create: 'promise', get: 'promise', list: 'iterable', mount: 'promise', release: 'promise', fill: 'promise', filled: 'promise', snapshot: 'promise', usage: 'promise', remove: 'promise',
  },
  log: { ...driver, validate: 'promise', sink: 'promise', write: 'promise', read: 'iterable', usage: 'promise', remove: 'promise' },
  runtime: {
    ...driver,
    openSandbox: 'promise', closeSandbox: 'promise', create: 'promise', start: 'promise', exec: 'promise', kill: 'promise', attach: 'promise', resize: 'promise', setLog: 'promise', spool: 'iterable', trimLog: 'promise',
    pause: 'promise', resume: 'promise', update: 'promise', checkpoint: 'promise', stats: 'promise', pids: 'promise', wait: 'promise', delete: 'promise', state: 'promise', list: 'iterable', events: 'iterable',
  },
  host: {
    ...driver,
    info: 'promise', openTree: 'promise', closeTree: 'promise', stat: 'promise', readFile: 'promise', writeFile: 'promise', tar: 'iterable', untar: 'promise', copy: 'promise', pin: 'promise', unpin: 'promise',
    folder: 'promise', dropFolder: 'promise', mkdir: 'promise', symlink: 'promise', remove: 'promise', walk: 'iterable', ps: 'promise',
  },
};
