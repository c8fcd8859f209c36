export { createEngine } from './create-engine.ts';
export { version } from './version.ts';
export type * from './types/index.ts';
