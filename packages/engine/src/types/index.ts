export type * from './container-config.ts';
export type * from './containers.ts';
export type * from './engine.ts';
export type * from './events.ts';
export type * from './execs.ts';
export type * from './given.ts';
export type * from './images.ts';
export type * from './options.ts';
