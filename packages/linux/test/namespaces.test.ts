import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanBindMount, PlanFsMount } from '../src/index.ts';
import { baseMounts, pipes, plan, processPlan, runExec, runPlan, runScript } from './support/plan.ts';
import { makeRoot, makeWorld, mountsBelow, reasonToSkip, type World } from './support/world.ts';

const readOnly = 1;

describe.skipIf(reasonToSkip !== '')(`namespaces and mounts of a container ${reasonToSkip}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const bind = (source: string, target: string, more: Partial<PlanBindMount> = {}): PlanBindMount => ({ kind: 'bind', source, target, create: 'dir', ...more });

  it('are pinned, joined by others, and let go', async () => {
    const pins = { net: join(world.dir, 'net'), ipc: join(world.dir, 'ipc'), uts: join(world.dir, 'uts') };
    const first = await world.keeper({ pin: pins });
    const { pid } = await first.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000']), { hostname: 'shared' }) });
    await first.start();
    expect(mountsBelow(world.dir).sort()).toEqual(Object.values(pins).sort());
    const second = await world.keeper({ namespaces: ['mount', 'pid', 'cgroup'], join: pins, loopback: false });
    const { stdout } = await runScript(second, world.root, 'hostname; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid');
    const of = (name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);
    const lines = stdout.split('\n');
    expect(lines.slice(0, 3)).toEqual(['shared', of('net'), of('ipc')]);
    expect(lines[3]).not.toBe(of('pid'));
    await second.delete();
    await first.delete({ force: true });
    expect(mountsBelow(world.dir)).toEqual([]);
    expect(existsSync(pins.net)).toBe(false);
  });

  it('share the processes of another container', async () => {
    const first = await world.keeper();
    const { pid } = await first.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '123456'])) });
    await first.start();
    const second = await world.keeper({ namespaces: ['mount', 'net', 'ipc', 'uts', 'cgroup'], join: { pid: `/proc/${pid}/ns/pid` } });
    expect((await runScript(second, world.root, 'cat /proc/1/cmdline')).stdout).toBe('sleep\x00123456\x00');
    await second.delete();
    await first.delete({ force: true });
  });

  it('can be the host\'s', async () => {
    const keeper = await world.keeper({ namespaces: ['mount'], loopback: false });
    const { stdout } = await runScript(keeper, world.root, 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done');
    expect(stdout.trim().split('\n')).toEqual(['net', 'ipc', 'uts', 'pid'].map((name) => readlinkSync(`/proc/self/ns/${name}`)));
    await keeper.delete();
  });

  it('bring up the loopback only if asked', async () => {
    for (const [loopback, flags] of [
      [true, '0x9'],
      [false, '0x8'],
    ] as const) {
      const keeper = await world.keeper({ loopback });
      expect((await runScript(keeper, world.root, 'cat /sys/class/net/lo/flags')).stdout.trim()).toBe(flags);
      await keeper.delete();
    }
  });

  it('have ids of their own in a user namespace', async () => {
    const root = makeRoot(join(world.dir, 'mapped'));
    const { execFileSync } = await import('node:child_process');
    execFileSync('chown', ['-R', '-h', '100000:100000', root]);
    const idmap = { uid: [[0, 100000, 65536]], gid: [[0, 100000, 65536]] } as const;
    const keeper = await world.keeper({ namespaces: ['mount', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'user'], idmap });
    await keeper.create({
      token: 't',
      io: pipes,
      plan: plan(root, processPlan(['sleep', '1000']), { masked: ['/proc/kcore', '/proc/keys', '/sys/firmware'], readonly: ['/proc/sys'], hostname: 'mapped', sysctls: [['net.ipv4.ip_unprivileged_port_start', '5']] }),
    });
    const { pid } = await keeper.start();
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\s+100000\s+100000\s+100000\s+100000$/m);
    const { stdout, stderr } = await runExec(keeper, 'see', processPlan(['sh', '-c', 'id -u; cat /proc/self/uid_map; touch /made; echo x > /dev/null; cat /proc/self/status | grep CapInh; hostname']));
    expect(stderr).toBe('');
    expect(stdout.split('\n').map((line) => line.trim().split(/\s+/).join(' '))).toEqual(['0', '0 100000 65536', 'CapInh: 0000000000000000', 'mapped', '']);
    expect(statSync(join(root, 'made')).uid).toBe(100000);
    const user = await runExec(keeper, 'user', processPlan(['id'], { uid: 1000, gid: 1000, groups: [1000], oomScoreAdj: 10 }));
    expect(user.stdout).toContain('uid=1000');
    // Another container in the same user namespace, with the same network.
    const second = await world.keeper({ namespaces: ['mount', 'pid', 'ipc', 'uts', 'cgroup'], join: { user: `/proc/${pid}/ns/user`, net: `/proc/${pid}/ns/net` }, loopback: false });
    const joined = await runScript(second, root, 'id -u; readlink /proc/self/ns/user; readlink /proc/self/ns/net; touch /second');
    expect(joined).toMatchObject({ stdout: `0\n${readlinkSync(`/proc/${pid}/ns/user`)}\n${readlinkSync(`/proc/${pid}/ns/net`)}\n`, stderr: '', exit: { code: 0 } });
    expect(statSync(join(root, 'second')).uid).toBe(100000);
    await second.delete();
    await keeper.delete({ force: true });
  });

  it('mount an overlay as the root without attaching it on the host', async () => {
    const base = join(world.dir, 'overlay');
    mkdirSync(base);
    await world.native.mount({ source: 'x', target: base, fstype: 'tmpfs', flags: 0, data: '' });
    for (const name of ['upper', 'work']) mkdirSync(join(base, name));
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    const keeper = await world.keeper();
    const root = { overlay: { lower: [world.root], upper: join(base, 'upper'), work: join(base, 'work'), flags: ['volatile'] } } as const;
    const ran = await runPlan(keeper, { ...plan(world.root, processPlan(['sh', '-c', 'echo text > /file; head -1 /proc/self/mountinfo'])), root });
    expect(ran.stdout).toMatch(/ - overlay overlay /);
    expect(readFileSync(join(base, 'upper/file'), 'utf8')).toBe('text\n');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
    expect(existsSync(join(world.root, 'file'))).toBe(false);
    await keeper.delete();
    expect(await world.native.umount(base)).toBe(true);
  });

  it('bind what was asked for, with its attributes', async () => {
    const source = join(world.dir, 'volume');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'file'), 'content');
    await world.native.mount({ source: 'x', target: join(source, 'sub'), fstype: 'tmpfs', flags: 0, data: '' });
    const tmp: PlanFsMount = { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/t', flags: 0, data: 'mode=1777' };
    const keeper = await world.keeper();
    const { stdout } = await runScript(keeper, world.root, 'cat /proc/self/mountinfo; echo x > /rw/new; echo x > /ro/new; echo x > /rro/sub/new; echo x > /half/sub/new; cat /one; ls /inner', {
      mounts: [
        ...baseMounts,
        tmp,
        bind(source, '/rw', { recursive: true }),
        bind(source, '/ro', { set: readOnly | 4 }),
        bind(source, '/rro', { recursive: true, recursiveAttr: true, set: readOnly }),
        bind(source, '/half', { recursive: true, set: readOnly }),
        bind(join(source, 'file'), '/one', { create: 'file', set: readOnly }),
        bind('/etc', '/inner', { inRoot: true, set: readOnly }),
        bind(source, '/slow', { set: 0x10, propagation: 'slave' }),
      ],
    });
    const mount = (target: string): string => stdout.split('\n').find((line) => line.split(' ')[4] === target)?.split(' ')[5] ?? '';
    expect(mount('/rw')).toMatch(/^rw/);
    expect(mount('/ro')).toMatch(/^ro,nodev/);
    expect([mount('/rro'), mount('/rro/sub'), mount('/half'), mount('/half/sub'), mount('/one')].map((options) => options.slice(0, 2))).toEqual(['ro', 'ro', 'ro', 'rw', 'ro']);
    expect(mount('/slow')).toContain('noatime');
    expect(existsSync(join(source, 'new'))).toBe(true);
    expect(stdout).toContain('content');
    expect(stdout).toContain('passwd');
    // What was made for the mounts is there; nothing else is.
    expect(statSync(join(world.root, 'one')).isFile()).toBe(true);
    await keeper.delete();
    await world.native.umount(join(source, 'sub'));
  });

  it('spread mounts as far as asked, in the direction that was asked for', async () => {
    const source = join(world.dir, 'spread');
    mkdirSync(join(source, 'later'), { recursive: true });
    await world.native.mount({ source: 'x', target: source, fstype: 'tmpfs', flags: 0, data: '' });
    await world.native.mount({ source: '', target: source, fstype: '', flags: 1 << 20, data: '' });
    mkdirSync(join(source, 'later'));
    const keepers = [];
    for (const propagation of ['private', 'slave', 'shared'] as const) {
      const keeper = await world.keeper();
      await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000']), { rootPropagation: propagation, mounts: [...baseMounts, bind(source, '/spread', { recursive: true, propagation })] }) });
      await keeper.start();
      keepers.push(keeper);
    }
    await world.native.mount({ source: 'x', target: join(source, 'later'), fstype: 'tmpfs', flags: 0, data: '' });
    const sees = [];
    for (const keeper of keepers) sees.push((await runExec(keeper, 'see', processPlan(['cat', '/proc/self/mountinfo']))).stdout.includes('/spread/later'));
    expect(sees).toEqual([false, true, true]);
    for (const keeper of keepers) await keeper.delete({ force: true });
    await world.native.umount(join(source, 'later'));
    await world.native.umount(source);
  });

  it('have the devices of the plan, with mode and owner', async () => {
    const keeper = await world.keeper();
    chownSync(world.root, 0, 0);
    const { stdout } = await runScript(keeper, world.root, 'stat -c "%F %t:%T %a %u:%g" /dev/null /dev/tty /dev/disk /dev/queue; readlink /dev/fd; readlink /dev/ptmx', {
      devices: [
        { path: '/dev/null', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
        { path: '/dev/tty', type: 'c', major: 5, minor: 0, mode: 0o620, uid: 0, gid: 5 },
        { path: '/dev/disk', type: 'b', major: 8, minor: 17, mode: 0o640, uid: 3, gid: 4 },
        { path: '/dev/queue', type: 'p', major: 0, minor: 0, mode: 0o600, uid: 0, gid: 0 },
      ],
    });
    expect(stdout.trim().split('\n')).toEqual(['character special file 1:3 666 0:0', 'character special file 5:0 620 0:5', 'block special file 8:11 640 3:4', 'fifo 0:0 600 0:0', '/proc/self/fd', 'pts/ptmx']);
    await keeper.delete();
  });

  it('take a plan that is larger than one message', async () => {
    const keeper = await world.keeper();
    const env = Array.from({ length: 3000 }, (_, i) => `NAME${i}=${'v'.repeat(100)}`);
    const binds = Array.from({ length: 300 }, (_, i) => bind(join(world.root, 'etc'), `/many/${i}`));
    const { stdout } = await runScript(keeper, world.root, 'env | wc -l; ls /many | wc -l; cat /many/299/group | head -1', { process: { env }, mounts: [...baseMounts, { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/many', flags: 0, data: '' }, ...binds] });
    expect(stdout.split('\n').slice(1)).toEqual(['300', 'root:x:0:', '']);
    expect(Number(stdout.split('\n')[0])).toBeGreaterThanOrEqual(3000);
    await keeper.delete();
  });
});
