export { loopback } from './proxy/index.ts';
export type { BoundCase, Mode, TestFunction } from './harness/index.ts';
