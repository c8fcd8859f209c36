#!/usr/bin/env node
/** The executable: one CommonJS file, since each ES module import on the way costs 2 to 3 ms. */
import module from 'node:module';
import { fast } from './fast.ts';
import { processIo } from './kit/io.ts';
import type * as Main from './main.ts';

async function main(): Promise<void> {
  const code = await fast(process.argv.slice(2), processIo());
  if (code !== undefined) {
    process.exitCode = code;
    return;
  }
  module.enableCompileCache();
  // A name that the bundler cannot see through: oclif stays a file of its own, opened only here.
  const url = new URL('./main.js', import.meta.url).href;
  const { start } = (await import(url)) as typeof Main;
  await start(import.meta.url);
}

void main();
