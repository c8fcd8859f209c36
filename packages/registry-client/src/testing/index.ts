export { blobStoreContract, type BlobStoreHarness, type TestFunction } from './blob-store-contract.ts';
