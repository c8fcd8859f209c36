/**
 * How fast a layer becomes a tree: `node --conditions=@gantry/source bench/apply.ts layer.tar folder [runs]`, as root.
 * Beside it, in turns, what it replaces: `tar x`, then `sync`, with `sha256sum` at the same time. The trees are left in the folder until
 * the end: a directory made where many files were just deleted is slow on ext4, whoever makes it.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { argv, stdout } from 'node:process';
import { openNative } from '@gantry/linux';
import { applyLayer } from '../src/index.ts';

const [, , archive = '', folder = '', runs = '5'] = argv;
const base = join(resolve(folder), `bench-${randomBytes(4).toString('hex')}`);

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const code = await new Promise<number | null>((done, fail) => {
    spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).on('error', fail).on('close', done);
  });
  if (code !== 0) throw new Error(`${command} ended with code ${code ?? 'none'}`);
}

await mkdir(base, { recursive: true });
await using native = await openNative({ runDir: join(base, 'run'), instance: randomBytes(4).toString('hex') });

const ways: Record<string, (root: string) => Promise<unknown>> = {
  'applyLayer, durable, with its digest': (root) => applyLayer({ native: native.endpoint, root, mode: 'overlay', tar: { path: resolve(archive) } }),
  'tar x, sync, and sha256sum beside it': (root) =>
    Promise.all([run('tar', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-C', root, '-xpf', archive).then(() => run('sync', '-f', root)), run('sha256sum', archive)]),
};
const times = new Map<string, number[]>();
for (let round = 0; round < Number(runs); round += 1) {
  for (const [name, work] of Object.entries(ways)) {
    const root = join(base, `${round}-${String(times.get(name)?.length ?? 0)}-${name.slice(0, 3)}`);
    await mkdir(root);
    const start = performance.now();
    await work(root);
    times.set(name, [...(times.get(name) ?? []), (performance.now() - start) / 1000]);
  }
}
for (const [name, list] of times) {
  const sorted = list.toSorted((a, b) => a - b);
  stdout.write(`${name}: ${(sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(2)} s (median of ${runs}, best ${(sorted[0] ?? 0).toFixed(2)})\n`);
}
await native.quit();
await rm(base, { recursive: true });
