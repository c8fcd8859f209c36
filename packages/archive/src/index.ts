export type * from './tar-types.ts';
export type * from './apply-types.ts';
