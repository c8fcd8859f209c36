import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openFsSession, openNative, type FsSession, type Native } from '@gantry/linux';
import { applyLayer, type ApplyLayerOptions, type ApplyLayerResult } from '../../src/index.ts';

export const needsRoot: string = process.getuid?.() === 0 ? '' : 'needs root';

export function hasProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((dir) => existsSync(join(dir, name)));
}

/** A zygote, and folders for trees. Dispose leaves nothing behind. */
export interface World extends AsyncDisposable {
  readonly dir: string;
  readonly native: Native;
  /** An empty folder. */
  folder(): string;
  /** A path in the world's folder. */
  path(name: string): string;
  open(root: string): Promise<FsSession>;
  /** Applies an archive without waiting for the disk. */
  apply(root: string, mode: 'overlay' | 'apply', archive: Buffer | { readonly path: string }, o?: Partial<ApplyLayerOptions>): Promise<ApplyLayerResult>;
}

export async function makeWorld(): Promise<World> {
  const dir = mkdtempSync('/tmp/gantry-test-archive-');
  const native = await openNative({ runDir: join(dir, 'run'), instance: randomBytes(4).toString('hex'), log: join(dir, 'log') });
  let count = 0;
  return {
    dir,
    native,
    folder: () => {
      count += 1;
      const path = join(dir, `t${count}`);
      mkdirSync(path, { mode: 0o755 });
      return path;
    },
    path: (name: string) => join(dir, name),
    open: (root: string) => openFsSession(native.endpoint, { root }),
    apply: (root: string, mode: 'overlay' | 'apply', archive: Buffer | { readonly path: string }, o: Partial<ApplyLayerOptions> = {}) => applyLayer({ native: native.endpoint, root, mode, sync: false, tar: Buffer.isBuffer(archive) ? stream(archive) : archive, ...o }),
    [Symbol.asyncDispose]: async () => {
      await native.quit();
      await native[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Bytes in chunks that may be moved, as from a network. */
export async function* stream(bytes: Buffer, size: number = 64 * 1024): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield Uint8Array.from(bytes.subarray(at, at + size));
}

/** A file outside of every tree: `unharmed` says whether anything about it has changed. */
export function canary(dir: string): { readonly dir: string; readonly file: string; unharmed(): boolean } {
  const outside = join(dir, `canary-${randomBytes(4).toString('hex')}`);
  mkdirSync(outside, { mode: 0o751 });
  const file = join(outside, 'file');
  writeFileSync(file, 'sing', { mode: 0o641 });
  const look = (): string =>
    [outside, file]
      .map((path) => lstatSync(path, { bigint: true }))
      .map((s) => [s.mode, s.uid, s.gid, s.nlink, s.ino, s.mtimeNs, s.ctimeNs].join(' '))
      .concat(readFileSync(file, 'utf8'))
      .join('\n');
  const before = look();
  return { dir: outside, file, unharmed: () => look() === before };
}

export function run(command: string, ...args: readonly string[]): Buffer {
  return execFileSync(command, args, { maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] });
}
