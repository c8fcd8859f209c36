export { openStore, type Tools } from './open.ts';
export type { SnapshotPlace, TreeFormat, TreePlace } from './format.ts';
export type { Layout } from './layout.ts';
export type { NativeLink } from './native-link.ts';
export { freshName } from './names.ts';
export { syncDir } from './durable.ts';
