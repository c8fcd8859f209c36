export { storageCases, storageConformance, storageSuites, type StorageConformanceOptions, type StorageSuite } from './kit.ts';
export type { BoundCase, Mode, TestFunction } from '../harness/index.ts';
