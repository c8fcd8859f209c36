export { plugin as default } from './plugin.ts';
export { FileLogs } from './driver.ts';
export { parseLimits, type LogFileOptions, type LogLimits } from './options.ts';
export { readLog, type ReadOptions } from './read.ts';
