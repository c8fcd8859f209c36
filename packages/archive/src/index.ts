export type * from './tar-types.ts';
export type * from './apply-types.ts';
export { readTar } from './read-tar.ts';
export { writeTar } from './write-tar.ts';
export { defaultTarLimits } from './tar-limits.ts';
export { applyLayer, untar } from './apply-layer.ts';
export { diffTree, packTree } from './pack-tree.ts';
