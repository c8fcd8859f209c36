export { openStore, type Tools } from './open.ts';
export type { SnapshotPlace, TreeFormat, TreePlace } from './format.ts';
export { Layout } from './layout.ts';
export { freshName } from './names.ts';
export { notImplemented } from './errors.ts';
