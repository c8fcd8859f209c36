export type * from './common.ts';
export type * from './host.ts';
export type * from './log.ts';
export type * from './network.ts';
export type * from './plugin.ts';
export type * from './runtime.ts';
export type * from './storage.ts';
export type * from './volume.ts';
