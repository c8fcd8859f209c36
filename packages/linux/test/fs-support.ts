import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openFsSession, openNative, type FsOpenOptions, type FsSession, type Native } from '../src/index.ts';

export const needsRoot: string = process.getuid?.() === 0 ? '' : 'needs root';

/** A zygote, and folders for trees. Dispose leaves nothing behind. */
export interface FsWorld extends AsyncDisposable {
  readonly dir: string;
  readonly native: Native;
  /** An empty folder. */
  folder(): string;
  open(root: string, o?: Partial<FsOpenOptions>): Promise<FsSession>;
}

export async function makeFsWorld(): Promise<FsWorld> {
  const dir = mkdtempSync('/tmp/gantry-test-fs-');
  const native = await openNative({ runDir: join(dir, 'run'), instance: randomBytes(4).toString('hex'), log: join(dir, 'log') });
  let count = 0;
  return {
    dir,
    native,
    folder: () => {
      count += 1;
      const path = join(dir, `t${count}`);
      mkdirSync(path);
      return path;
    },
    open: (root, o = {}) => openFsSession(native.endpoint, { root, ...o }),
    [Symbol.asyncDispose]: async () => {
      await native.quit();
      await native[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(` ${dir}`));
      if (mounts.length > 0) throw new Error(`mounts were left: ${mounts.join(' ')}`);
    },
  };
}

/** The error a promise rejects with; rejects itself if it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail');
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
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
