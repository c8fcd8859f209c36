export { runtimeCases, runtimeConformance, runtimeSuites, type RuntimeConformanceOptions, type RuntimeSuite } from './kit.ts';
export { busyboxRootfs } from './spec.ts';
export type { BoundCase, Mode, TestFunction } from '../harness/index.ts';
