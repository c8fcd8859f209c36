import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DriverContext, Host, WalkEntry } from '@gantry/driver-api';
import { openNative } from '@gantry/linux';
import { hostPlugin } from '../../src/host-plugin.ts';

const owner = { mode: 0o644, uid: 0, gid: 0 };
const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };

let root: string;
let host: Host;

function context(session: string): DriverContext {
  return { instance: 'ab01cd23', session, bootId: 'boot', domain: 'local', stateDir: `${root}/state`, runDir: `${root}/run`, log, signal: new AbortController().signal };
}

beforeEach(async () => {
  root = mkdtempSync('/tmp/gantry-test-host-');
  for (const name of ['state', 'run', 'tree/etc', 'tree/usr/lib', 'outside']) mkdirSync(`${root}/${name}`, { recursive: true, mode: 0o700 });
  writeFileSync(`${root}/tree/etc/passwd`, 'root:x:0:0\n');
  writeFileSync(`${root}/outside/canary`, 'canary');
  symlinkSync('/usr/lib', `${root}/tree/lib`);
  symlinkSync('/../../../outside', `${root}/tree/out`);
  symlinkSync(`${root}/outside/canary`, `${root}/tree/etc/stolen`);
  symlinkSync('passwd', `${root}/tree/etc/alias`);
  symlinkSync('b', `${root}/tree/a`);
  symlinkSync('a', `${root}/tree/b`);
  host = await hostPlugin.open(context('one'), {});
  await host.openTree('t', { root: `${root}/tree`, mounts: [] });
});

afterEach(async () => {
  await host[Symbol.asyncDispose]();
  const native = await openNative({ runDir: `${root}/run`, instance: 'ab01cd23' });
  await native.quit();
  await native[Symbol.asyncDispose]();
  while (isAlive(native.pid)) await sleep(5);
  rmSync(root, { recursive: true });
});

/** A dead process that its parent has not looked after yet is none. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

const at = (path: string) => ({ tree: 't', path });
const text = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');

describe.runIf(process.getuid?.() === 0)('a tree', () => {
  it('is looked into, links resolved inside of it', async () => {
    expect(await host.stat(at('/etc/passwd'))).toMatchObject({ mode: 0o100644, uid: 0, gid: 0, size: 11 });
    expect(await host.stat(at('etc/alias'))).toMatchObject({ link: 'passwd', size: 6 });
    expect(await host.stat(at('etc/alias'), { follow: true })).toMatchObject({ mode: 0o100644, size: 11 });
    expect(await host.stat(at('/lib/../../usr'))).toMatchObject({ mode: expect.any(Number) as number });
    expect(Buffer.from(await host.readFile(at('/etc/alias'), { max: 100 })).toString()).toBe('root:x:0:0\n');
    expect(Buffer.from(await host.readFile(at('/lib/../../etc/passwd'), { max: 100 })).toString()).toBe('root:x:0:0\n');
  });

  it('is not left, whatever its links and paths say', async () => {
    for (const path of ['/out/canary', '/etc/stolen', '../outside/canary', '/../../outside/canary', '/lib/../../../outside/canary']) {
      await expect(host.readFile(at(path), { max: 100 }), path).rejects.toMatchObject({ kind: 'notFound' });
      await expect(host.stat(at(path), { follow: true }), path).rejects.toMatchObject({ kind: 'notFound' });
    }
    await expect(host.writeFile(at('/out/x'), Buffer.from('x'), owner)).rejects.toMatchObject({ kind: 'notFound' });
    await host.remove(at('/out/canary'));
    expect(text('outside/canary')).toBe('canary');
    expect(readdirSync(`${root}/outside`)).toEqual(['canary']);
  });

  it('refuses loops, NUL and what is too large or no file', async () => {
    await expect(host.stat(at('/a/x'))).rejects.toMatchObject({ kind: 'invalid', code: 'path-loop' });
    await expect(host.stat(at('/a\0'))).rejects.toMatchObject({ kind: 'invalid' });
    await expect(host.readFile(at('/etc/passwd'), { max: 10 })).rejects.toMatchObject({ kind: 'exhausted' });
    await expect(host.readFile(at('/etc'), { max: 10 })).rejects.toMatchObject({ kind: expect.stringMatching(/invalid|conflict/) as string });
    await expect(host.readFile(at('/nosuch'), { max: 10 })).rejects.toMatchObject({ kind: 'notFound' });
    await expect(host.stat({ tree: 'nosuch', path: '/' })).rejects.toMatchObject({ kind: 'notFound', code: 'tree-not-found' });
  });

  it('is written to: files as a whole, folders, links, removal', async () => {
    await host.writeFile(at('/lib/new'), Buffer.from('one'), { mode: 0o640, uid: 1000, gid: 1001 });
    await host.writeFile(at('/lib/new'), Buffer.from('two'), { mode: 0o600, uid: 1, gid: 2 });
    expect(text('tree/usr/lib/new')).toBe('two');
    expect(statSync(`${root}/tree/usr/lib/new`)).toMatchObject({ mode: 0o100600, uid: 1, gid: 2 });
    await expect(host.writeFile(at('/etc'), Buffer.from('x'), owner)).rejects.toMatchObject({ kind: 'invalid', code: 'not-a-file' });
    await expect(host.writeFile(at('/none/x'), Buffer.from('x'), owner)).rejects.toMatchObject({ kind: 'notFound' });

    await host.mkdir(at('/x/y/z'), { mode: 0o750, uid: 3, gid: 4, parents: true });
    await host.mkdir(at('/x/y'), { mode: 0o777, uid: 0, gid: 0, parents: true });
    expect(statSync(`${root}/tree/x/y`)).toMatchObject({ mode: 0o40750, uid: 3, gid: 4 });
    await expect(host.mkdir(at('/p/q'), { ...owner, parents: false })).rejects.toMatchObject({ kind: 'notFound' });
    await expect(host.mkdir(at('/etc/passwd'), { ...owner, parents: false })).rejects.toMatchObject({ kind: 'conflict' });

    await host.symlink(at('/x/link'), '../etc/passwd', { uid: 5, gid: 6 });
    expect(lstatSync(`${root}/tree/x/link`)).toMatchObject({ uid: 5, gid: 6 });
    await expect(host.symlink(at('/x/link'), 'other', { uid: 0, gid: 0 })).rejects.toMatchObject({ kind: 'conflict' });
    await host.remove(at('/x'));
    await host.remove(at('/x'));
    expect(existsSync(`${root}/tree/x`)).toBe(false);
    expect(text('tree/etc/passwd')).toBe('root:x:0:0\n');
  });

  it('is walked, with digests if asked for', async () => {
    writeFileSync(`${root}/tree/usr/lib/big`, Buffer.alloc(300_000, 'x'));
    const brief = (entries: readonly WalkEntry[]): unknown[] => entries.map(({ path, digest }) => (digest === undefined ? path : [path, digest]));
    const sha = (data: string | Buffer): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;
    expect(brief(await Array.fromAsync(host.walk(at('/usr'))))).toEqual(['/usr/lib', '/usr/lib/big']);
    expect(brief(await Array.fromAsync(host.walk(at('/lib'), { hash: true })))).toEqual([['/usr/lib/big', sha(Buffer.alloc(300_000, 'x'))]]);
    const plain = await Array.fromAsync(host.walk(at('/etc')));
    const hashed = await Array.fromAsync(host.walk(at('/etc'), { hash: true }));
    expect(hashed.map((entry) => ({ ...entry, digest: undefined }))).toEqual(plain.map((entry) => ({ ...entry, digest: undefined })));
    expect(hashed.find(({ path }) => path === '/etc/passwd')?.digest).toBe(sha('root:x:0:0\n'));
    await expect(Array.fromAsync(host.walk(at('/nosuch')))).rejects.toMatchObject({ kind: 'notFound' });
    await expect(Array.fromAsync(host.walk(at('/nosuch'), { hash: true }))).rejects.toMatchObject({ kind: 'notFound' });
    await expect(Array.fromAsync(host.walk(at('/'), { hash: true, signal: AbortSignal.abort() }))).rejects.toMatchObject({ kind: 'aborted' });
  });

  it('becomes a tar, and a tar becomes a tree', async () => {
    await host.mkdir(at('/copy'), { ...owner, mode: 0o755, parents: false });
    await host.untar(at('/copy'), host.tar(at('/etc'), { exclude: ['stolen'], rename: 'renamed' }), { maxBytes: 1e6, maxInodes: 100, chown: { uid: 7, gid: 8 } });
    expect(readdirSync(`${root}/tree/copy`)).toEqual(['renamed']);
    expect(readdirSync(`${root}/tree/copy/renamed`)).toEqual(['alias', 'passwd']);
    expect(statSync(`${root}/tree/copy/renamed/passwd`)).toMatchObject({ uid: 7, gid: 8 });
    await expect(host.untar(at('/copy'), host.tar(at('/etc')), { maxBytes: 1e6, maxInodes: 1 })).rejects.toMatchObject({ kind: 'exhausted' });
    await expect(Array.fromAsync(host.tar(at('/nosuch')))).rejects.toMatchObject({ kind: 'notFound' });
  });

  it('is copied from and to: folders, single files, with another mode and owner, in part', async () => {
    mkdirSync(`${root}/other`);
    await host.openTree('o', { root: `${root}/other`, mounts: [] });
    const to = (path: string) => ({ tree: 'o', path });
    await host.copy(at('/etc/passwd'), to('/users'), { chmod: '0600', chown: { uid: 9, gid: 9 } });
    expect(statSync(`${root}/other/users`)).toMatchObject({ mode: 0o100600, uid: 9, gid: 9 });
    await host.mkdir(to('/all'), { ...owner, mode: 0o755, parents: false });
    await host.copy(at('/'), to('/all'), { exclude: ['usr'] });
    expect(readdirSync(`${root}/other/all`).sort()).toEqual(['a', 'b', 'etc', 'lib', 'out']);
    await host.mkdir(to('/some'), { ...owner, mode: 0o755, parents: false });
    await host.copy(at('/'), to('/some'), { include: ['etc/passwd', 'usr'] });
    expect([readdirSync(`${root}/other/some`).sort(), readdirSync(`${root}/other/some/etc`)]).toEqual([['etc', 'usr'], ['passwd']]);
    await expect(host.copy(at('/etc'), to('/some'), { chmod: 'u+x' })).rejects.toMatchObject({ kind: 'invalid' });
    await expect(host.copy(at('/nosuch'), to('/x'))).rejects.toMatchObject({ kind: 'notFound' });
  });

  it('is open once by its key, and closed any number of times', async () => {
    await host.openTree('t', { root: `${root}/tree`, mounts: [] });
    await expect(host.openTree('t', { root: `${root}/outside`, mounts: [] })).rejects.toMatchObject({ kind: 'conflict', code: 'tree-exists' });
    await expect(host.openTree('u', { root: `${root}/nosuch`, mounts: [] })).rejects.toMatchObject({ kind: 'notFound' });
    await host.closeTree('t');
    await host.closeTree('t');
    await expect(host.stat(at('/'))).rejects.toMatchObject({ code: 'tree-not-found' });
    await host.openTree('t', { root: `${root}/outside`, mounts: [] });
    expect(await host.stat(at('/canary'))).toMatchObject({ size: 6 });
  });

  it('has mounts, and can be read-only', async () => {
    await host.openTree('m', { root: `${root}/tree`, mounts: [{ type: 'bind', source: `${root}/outside`, target: '/usr/lib', options: ['rbind', 'ro'] }], readOnly: true });
    expect(Buffer.from(await host.readFile({ tree: 'm', path: '/lib/canary' }, { max: 100 })).toString()).toBe('canary');
    await expect(host.writeFile({ tree: 'm', path: '/etc/x' }, Buffer.from('x'), owner)).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(host.openTree('n', { root: `${root}/tree`, mounts: [{ type: 'tmpfs', source: 'x', target: '/x', options: [] }] })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('of the whole machine has its devices', async () => {
    await host.openTree('machine', { root: '/', mounts: [], readOnly: true });
    expect(await host.stat({ tree: 'machine', path: '/dev/null' })).toMatchObject({ rdev: [1, 3] });
  });
});

describe.runIf(process.getuid?.() === 0)('pins', () => {
  it('hold what a path was, though its tree changes, and outlive the process', async () => {
    writeFileSync(`${root}/tree/usr/lib/x`, 'pinned');
    const { path } = await host.pin(at('/lib'), 'container:c');
    expect(await host.pin(at('/lib'), 'container:c')).toEqual({ path });
    await expect(host.pin(at('/etc'), 'container:c')).rejects.toMatchObject({ kind: 'conflict', code: 'pin-exists' });
    const file = await host.pin(at('/etc/alias'), 'container:file');
    rmSync(`${root}/tree/lib`);
    symlinkSync(`${root}/outside`, `${root}/tree/lib`);
    expect(readFileSync(`${path}/x`, 'utf8')).toBe('pinned');
    expect(readFileSync(file.path, 'utf8')).toBe('root:x:0:0\n');
    await host[Symbol.asyncDispose]();
    host = await hostPlugin.open(context('two'), {});
    expect(readFileSync(`${path}/x`, 'utf8')).toBe('pinned');
    for (const holder of ['container:c', 'container:c', 'container:file', 'container:none']) await host.unpin(holder);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(root);
    expect(readdirSync(`${root}/run/pins`)).toEqual([]);
  });

  it('do not lead out of the tree, and are gone when they can not be made', async () => {
    for (const path of ['/out', '/etc/stolen', '/nosuch']) await expect(host.pin(at(path), 'h'), path).rejects.toMatchObject({ kind: 'notFound' });
    expect(readdirSync(`${root}/run/pins`)).toEqual([]);
    expect(readdirSync(`${root}/state/pins`)).toEqual([]);
  });

  it('of a session end with it', async () => {
    const { path } = await host.pin(at('/etc'), 'tmp:one:x');
    await host[Symbol.asyncDispose]();
    host = await hostPlugin.open(context('one'), {});
    expect(existsSync(`${path}/passwd`)).toBe(true);
    await host[Symbol.asyncDispose]();
    host = await hostPlugin.open(context('two'), {});
    expect(existsSync(path)).toBe(false);
  });
});

describe.runIf(process.getuid?.() === 0)('the host', () => {
  it('has one private folder for each id', async () => {
    const { path } = await host.folder('c1');
    expect(await host.folder('c1')).toEqual({ path });
    expect(statSync(path).mode & 0o7777).toBe(0o700);
    mkdirSync(`${path}/deep/er`, { recursive: true });
    chmodSync(`${path}/deep`, 0);
    await host.dropFolder('c1');
    await host.dropFolder('c1');
    expect(existsSync(path)).toBe(false);
    for (const id of ['../x', '', 'a/b']) await expect(host.folder(id)).rejects.toMatchObject({ kind: 'invalid', code: 'id-invalid' });
  });

  it('tells of its machine', async () => {
    const info = await host.info();
    expect(info).toMatchObject({ os: 'linux', arch: expect.stringMatching(/^(amd64|arm64)$/) as string, cgroup: expect.stringMatching(/^v[12]$/) as string });
    expect(info.memory).toBeGreaterThan(1e8);
    expect(info.features['swapLimit']).toMatch(/^(true|false)$/);
    expect(Object.fromEntries(await host.status())).toMatchObject({ Kernel: info.kernel, 'Open Trees': '1' });
    expect(await Array.fromAsync(host.check())).toEqual([]);
    expect((await host.ps(['-eo', 'pid,args'])).titles).toEqual(['PID', 'COMMAND']);
  });

  it('is unavailable when it is closed', async () => {
    await host[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await expect(host.info()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(Array.fromAsync(host.walk(at('/')))).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
