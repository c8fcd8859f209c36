/**
 * How fast an archive is read: `node --conditions=@gantry/source bench/read.ts layer.tar [runs]`. The file is in memory
 * before the clock starts; CPU time counts, so that a busy machine changes little.
 */
import { readFileSync } from 'node:fs';
import { argv, cpuUsage, stdout } from 'node:process';
import { readTar } from '../src/index.ts';
import { TarParser } from '../src/tar-parser.ts';

const chunkSize = 64 * 1024;
const [, , path = '', runs = '7'] = argv;
const archive = readFileSync(path);

function* chunks(): Generator<Buffer, void, void> {
  for (let at = 0; at < archive.length; at += chunkSize) yield archive.subarray(at, at + chunkSize);
}

/** The parser alone, as the worker drives it. */
async function push(): Promise<number> {
  let entries = 0;
  const nothing = (): void => undefined;
  const count = (): void => {
    entries += 1;
  };
  const parser = new TarParser({ entry: count, data: nothing, hole: nothing, end: nothing });
  for (const chunk of chunks()) parser.push(chunk);
  parser.finish();
  return entries;
}

/** The public reader, contents included. */
async function read(): Promise<number> {
  let entries = 0;
  let bytes = 0;
  for await (const { content } of readTar(chunks())) {
    entries += 1;
    for await (const chunk of content) bytes += 'data' in chunk ? chunk.data.byteLength : chunk.hole;
  }
  if (bytes > archive.length * 1000) throw new Error('more holes than this is meant for');
  return entries;
}

for (const [name, work] of Object.entries({ push, read })) {
  const rates: number[] = [];
  let entries = 0;
  for (let run = 0; run < Number(runs); run += 1) {
    const before = cpuUsage();
    entries = await work();
    const { user, system } = cpuUsage(before);
    rates.push(archive.length / (user + system));
  }
  rates.sort((a, b) => a - b);
  stdout.write(`${name}: ${Math.round(rates[Math.floor(rates.length / 2)] ?? 0)} MB/s (median of ${runs}, best ${Math.round(rates.at(-1) ?? 0)}), ${entries} entries\n`);
}
