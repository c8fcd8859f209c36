export { loopback } from './proxy/index.ts';
export { Environment, inPieces, rawTar, readTree, type RawEntry, type Tree } from './harness/index.ts';
