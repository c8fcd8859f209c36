import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNative, type Keeper, type KeeperRequest, type Native } from '../../src/index.ts';

/** Why tests that need a real kernel cannot run here; empty if they can. */
export const reasonToSkip: string = process.getuid?.() !== 0 ? 'needs root' : existsSync('/bin/busybox') ? '' : 'needs a static /bin/busybox';

const applets = ['sh', 'cat', 'ls', 'echo', 'id', 'true', 'false', 'sleep', 'seq', 'head', 'dd', 'kill', 'ps', 'mount', 'touch', 'stat', 'hostname', 'stty', 'tty', 'env', 'pwd', 'mkdir', 'wc', 'grep', 'readlink', 'yes', 'md5sum', 'printf', 'test', 'chmod', 'tail', 'tr', 'mknod', 'rm', 'ulimit'];

/** A folder, an instance, a zygote in it, and a root file system of busybox. Dispose leaves nothing behind. */
export interface World extends AsyncDisposable {
  readonly dir: string;
  readonly runDir: string;
  readonly instance: string;
  readonly log: string;
  readonly root: string;
  native: Native;
  /** A keeper with all namespaces, and a folder of its own. */
  keeper(more?: Partial<KeeperRequest>): Promise<Keeper>;
}

export async function makeWorld(): Promise<World> {
  const dir = mkdtempSync('/tmp/gantry-test-linux-');
  const runDir = join(dir, 'run');
  const log = join(dir, 'log');
  const root = makeRoot(join(dir, 'root'));
  const instance = randomBytes(4).toString('hex');
  const keepers = new Map<string, Keeper>();
  let count = 0;
  const world: World = {
    dir,
    runDir,
    instance,
    log,
    root,
    native: await openNative({ runDir, instance, log }),
    keeper: async (more = {}) => {
      count += 1;
      const key = more.key ?? `k${count}`;
      const keeperDir = more.dir ?? join(dir, key);
      mkdirSync(keeperDir, { mode: 0o700 });
      const keeper = await world.native.spawnKeeper({ key, dir: keeperDir, namespaces: ['mount', 'pid', 'net', 'ipc', 'uts', 'cgroup'], loopback: true, ...more });
      keepers.set(keeperDir, keeper);
      return keeper;
    },
    [Symbol.asyncDispose]: async () => {
      for (const [keeperDir, keeper] of keepers) {
        if (existsSync(join(keeperDir, 's'))) await keeper.delete({ force: true });
        await keeper[Symbol.asyncDispose]();
      }
      const { pid } = world.native;
      await world.native.quit().catch((error: unknown) => {
        // A test may have ended it.
        if (processExists(pid)) throw error;
      });
      await world.native[Symbol.asyncDispose]();
      await until(() => !processExists(pid), 'the zygote has ended');
      const mounts = mountsBelow(dir);
      rmSync(dir, { recursive: true, force: true });
      if (mounts.length > 0) throw new Error(`mounts were left: ${mounts.join(' ')}`);
    },
  };
  return world;
}

export function makeRoot(root: string): string {
  for (const folder of ['bin', 'etc', 'tmp', 'proc', 'dev', 'sys', 'root', 'home/user']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nuser:x:1000:\nmore:x:2000:user\n');
  writeFileSync(join(root, 'etc/not-executable'), 'text\n');
  writeFileSync(join(root, 'etc/no-format'), 'neither a script nor a program\n');
  chmodSync(join(root, 'etc/no-format'), 0o755);
  chmodSync(join(root, 'root'), 0o700);
  return root;
}

/** Not a zombie. */
export function processExists(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export async function until(condition: () => boolean, what: string, seconds = 10): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(5);
  }
}

export function mountsBelow(dir: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mountpoint) => mountpoint === dir || mountpoint.startsWith(`${dir}/`));
}

/** Processes whose parent is this one. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return new RegExp(`^PPid:\\s+${pid}$`, 'm').test(readFileSync(`/proc/${name}/status`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' });
}
