export { bind, casesOf, register, type BoundCase, type Case, type Define, type Mode, type TestFunction } from './cases.ts';
export { Child, type Progress } from './child.ts';
export { Environment } from './environment.ts';
export { assertProbe, importPlugin } from './plugin.ts';
export { runAndReport } from './report.ts';
export { inPieces, rawTar, type RawEntry } from './raw-tar.ts';
export { readTree, type Tree } from './tree.ts';
