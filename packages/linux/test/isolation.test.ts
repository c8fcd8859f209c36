import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Keeper, Plan, PlanProcess } from '../src/index.ts';
import { baseMounts, defaultCaps, exitOf, failure, pipes, plan, processPlan, runExec, runScript, textLike, type Ran } from './support/plan.ts';
import { makeRoot, makeWorld, mountsBelow, reasonToSkip, type World } from './support/world.ts';

describe.skipIf(reasonToSkip !== '')(`what a container's process is and sees ${reasonToSkip}`, () => {
  let world: World;
  let keepers: Keeper[] = [];
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterEach(async () => {
    for (const keeper of keepers) await keeper.delete({ force: true });
    keepers = [];
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  async function fresh(more: Parameters<World['keeper']>[0] = {}): Promise<Keeper> {
    const keeper = await world.keeper(more);
    keepers.push(keeper);
    return keeper;
  }

  async function script(text: string, more: Partial<Omit<Plan, 'process'>> & { process?: Partial<PlanProcess> } = {}, root = world.root): Promise<Ran> {
    return runScript(await fresh(), root, text, more);
  }

  function status(text: string): (name: string) => string {
    return (name) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(text)?.[1] ?? '';
  }

  it('has the descriptors 0, 1 and 2, and no other', async () => {
    const { stdout } = await script('exec ls /proc/self/fd');
    // The fourth is the folder that ls reads.
    expect(stdout).toBe('0\n1\n2\n3\n');
  });

  it('has exactly the capabilities of its plan', async () => {
    const root = status((await script('exec cat /proc/self/status')).stdout);
    expect(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(root)).toEqual(['0000000000000000', defaultCaps, defaultCaps, defaultCaps, '0000000000000000']);
    const caps = { bounding: defaultCaps, effective: '0', permitted: '0', inheritable: '0', ambient: '0' };
    const user = status((await script('exec cat /proc/self/status', { process: { uid: 1000, gid: 1000, groups: [1000], caps } })).stdout);
    expect(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(user)).toEqual(['0000000000000000', '0000000000000000', '0000000000000000', defaultCaps, '0000000000000000']);
    const ambient = { bounding: '400', effective: '400', permitted: '400', inheritable: '400', ambient: '400' };
    const bind = status((await script('exec cat /proc/self/status', { process: { uid: 1000, gid: 1000, groups: [], caps: ambient } })).stdout);
    expect(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(bind)).toEqual(Array.from({ length: 5 }, () => '0000000000000400'));
  });

  it('has the same capabilities in a process that is added', async () => {
    const keeper = await fresh();
    await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'])) });
    await keeper.start();
    const of = status((await runExec(keeper, 'caps', processPlan(['cat', '/proc/self/status'], { noNewPrivileges: true }))).stdout);
    expect(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs'].map(of)).toEqual(['0000000000000000', defaultCaps, defaultCaps, defaultCaps, '0000000000000000', '1']);
  });

  it('has its user, its groups, its umask, and its pipes for its own', async () => {
    const { stdout } = await script('id -u; id -g; id -G; umask; stat -c %u /proc/self/fd/1 -L; echo written > /proc/self/fd/1', { process: { uid: 1234, gid: 1235, groups: [1235, 4, 5], umask: 0o027 } });
    expect(stdout).toBe('1234\n1235\n1235 4 5\n0027\n1234\nwritten\n');
    expect((await script('umask')).stdout).toBe('0022\n');
  });

  it('can gain no privileges if it may not', async () => {
    expect(status((await script('exec cat /proc/self/status', { process: { noNewPrivileges: true } })).stdout)('NoNewPrivs')).toBe('1');
    expect(status((await script('exec cat /proc/self/status')).stdout)('NoNewPrivs')).toBe('0');
  });

  it.each([true, false])('has its filter of system calls (noNewPrivileges %j)', async (noNewPrivileges) => {
    // Loads the call's number; 83 or 258 (mkdir, mkdirat on x64) or 34 (mkdirat on arm64): EPERM; else allow.
    const deny = process.arch === 'x64' ? [83, 258] : [34, 34];
    const program = [
      [0x20, 0, 0, 0],
      [0x15, 1, 0, deny[0] ?? 0],
      [0x15, 0, 1, deny[1] ?? 0],
      [0x06, 0, 0, 0x00050001],
      [0x06, 0, 0, 0x7fff0000],
    ] as const;
    const bytes = Buffer.alloc(program.length * 8);
    for (const [i, [code, jt, jf, k]] of program.entries()) {
      bytes.writeUInt16LE(code, i * 8);
      bytes.writeUInt8(jt, i * 8 + 2);
      bytes.writeUInt8(jf, i * 8 + 3);
      bytes.writeUInt32LE(k, i * 8 + 4);
    }
    const seccomp = { bpf: bytes.toString('base64'), flags: 0 };
    const user = { uid: 1000, gid: 1000, groups: [1000], caps: { bounding: defaultCaps, effective: '0', permitted: '0', inheritable: '0', ambient: '0' } };
    const { stdout, stderr } = await script('mkdir /tmp/x; touch /tmp/y && echo touched; cat /proc/self/status', { process: { seccomp, noNewPrivileges, ...user }, mounts: [...baseMounts, { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/tmp', flags: 0, data: 'mode=1777' }] });
    expect(stderr).toContain('Operation not permitted');
    expect(stdout).toContain('touched');
    expect(status(stdout)('Seccomp')).toBe('2');
    expect(status(stdout)('NoNewPrivs')).toBe(noNewPrivileges ? '1' : '0');
  });

  it('has its limits', async () => {
    const { stdout } = await script('ulimit -n; ulimit -Hn; ulimit -c', { process: { rlimits: [[7, '123', '456'], [4, '0', '0']] } });
    expect(stdout).toBe('123\n456\n0\n');
  });

  it('dies with its keeper, also as another user', async () => {
    for (const user of [{}, { uid: 1000, gid: 1000, groups: [1000] }]) {
      const keeper = await world.keeper();
      await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sleep', '1000'], user)) });
      const { pid } = await keeper.start();
      process.kill(keeper.pid, 'SIGKILL');
      const { processExists, until } = await import('./support/world.ts');
      await until(() => !processExists(pid), 'the container is dead', 2);
    }
  });

  it('has a score for the OOM killer of its own, not the zygote\'s', async () => {
    expect((await script('cat /proc/self/oom_score_adj', { process: { oomScoreAdj: 500 } })).stdout).toBe('500\n');
    expect((await script('cat /proc/self/oom_score_adj')).stdout).toBe('0\n');
  });

  it('sees its host name, its sysctls, its loopback', async () => {
    const { stdout } = await script('hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; cat /sys/class/net/lo/operstate; ls /sys/class/net', {
      hostname: 'box',
      domainname: 'example.test',
      sysctls: [
        ['net.ipv4.ip_unprivileged_port_start', '77'],
        ['kernel.msgmax', '65536'],
        ['net/ipv4/conf/lo/forwarding', '1'],
      ],
    });
    expect(stdout.split('\n').slice(0, 5)).toEqual(['box', 'example.test', '77', '65536', 'unknown']);
    expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).not.toBe('box\n');
  });

  it('cannot see or change what is masked, nor write what is read-only', async () => {
    const masked = ['/proc/timer_list', '/proc/kcore', '/proc/keys', '/proc/acpi', '/proc/scsi', '/sys/firmware', '/etc/passwd', '/home', '/not/there'];
    const { stdout, stderr } = await script(
      'cat /proc/timer_list /proc/keys /etc/passwd; ls -A /proc/acpi /sys/firmware /home | grep -v :; touch /home/x; chmod 777 /etc/passwd; echo 1 > /proc/sys/kernel/msgmax; echo b > /proc/sysrq-trigger; echo ended',
      { masked, readonly: ['/proc/sys', '/proc/sysrq-trigger', '/proc/bus', '/not/there'] },
    );
    expect(stdout.split('\n').filter((line) => line !== '')).toEqual(['ended']);
    expect(stderr.match(/Read-only file system/g)?.length).toBe(3);
  });

  it('has a root that it can only read if so planned, and mounts that it can write', async () => {
    const { stdout, stderr } = await script('touch /x || echo refused; touch /dev/x && echo made', { readonlyRoot: true });
    expect(stdout).toBe('refused\nmade\n');
    expect(stderr).toContain('Read-only file system');
  });

  it('has no way to the host left in its mounts', async () => {
    const { stdout } = await script('cat /proc/self/mountinfo');
    const targets = stdout.split('\n').slice(0, -1).map((line) => line.split(' ')[4]);
    expect(targets).toEqual(['/', '/proc', '/dev', '/dev/pts', '/sys']);
    expect(stdout).not.toMatch(/shared:|master:/);
  });

  it('starts where it was told to, inside its root', async () => {
    expect((await script('pwd', { process: { cwd: '/made/by/plan', createCwd: true } })).stdout).toBe('/made/by/plan\n');
    expect(statSync(join(world.root, 'made/by/plan')).mode & 0o777).toBe(0o755);
    rmSync(join(world.root, 'made'), { recursive: true });
    // As a user who cannot get there by itself: images rely on it.
    const user = { uid: 1000, gid: 1000, groups: [1000], caps: { bounding: '0', effective: '0', permitted: '0', inheritable: '0', ambient: '0' } };
    expect((await script('cat /proc/self/stat > /dev/null; readlink /proc/self/cwd', { process: { cwd: '/root', ...user } })).stdout).toBe('/root\n');
    for (const cwd of Array.from({ length: 12 }, (_, fd) => `/proc/self/fd/${fd}`)) {
      const keeper = await fresh();
      expect((await failure(keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['pwd'], { cwd })) }))).details['errno']).toMatch(/^(ELOOP|ENOENT|ENOTDIR)$/);
    }
  });
});

describe.skipIf(reasonToSkip !== '')('an image that means harm', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
    mkdirSync(join(world.dir, 'canary'));
    writeFileSync(join(world.dir, 'canary/file'), 'untouched');
  });
  afterAll(async () => {
    const canary = readFileSync(join(world.dir, 'canary/file'), 'utf8');
    await world[Symbol.asyncDispose]();
    if (canary !== 'untouched') throw new Error('a file of the host was changed');
  });

  async function attempt(change: (root: string) => void, more: Partial<Plan> = {}): Promise<Ran | Error> {
    const root = makeRoot(join(world.dir, 'evil'));
    change(root);
    const keeper = await world.keeper();
    try {
      return await runScript(keeper, root, 'cat /proc/self/mountinfo; ls -la /', more);
    } catch (error) {
      return error as Error;
    } finally {
      await keeper.delete({ force: true });
      rmSync(root, { recursive: true });
    }
  }

  it.each(['proc', 'sys'])('cannot have %s as a symlink or a file', async (name) => {
    for (const target of ['/tmp', '../../canary', '/bin/..']) {
      const error = await attempt((root) => {
        rmSync(join(root, name), { recursive: true });
        symlinkSync(target, join(root, name));
      });
      expect(error).toMatchObject({ code: 'native-os', details: { errno: 'ENOTDIR' } });
    }
    const error = await attempt((root) => {
      rmSync(join(root, name), { recursive: true });
      writeFileSync(join(root, name), '');
    });
    expect(error).toMatchObject({ details: { errno: 'ENOTDIR' } });
  });

  it('mounts nothing outside by symlinks to the host, absolute or relative', async () => {
    for (const target of [join('/tmp', 'canary'), '../../../../../../../../tmp', '/proc/1/root', '/a/b/../../c']) {
      const ran = await attempt(
        (root) => {
          symlinkSync(target, join(root, 'mnt'));
        },
        { mounts: [...baseMounts, { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/mnt/deep/er', flags: 0, data: '' }] },
      );
      if (ran instanceof Error) {
        expect(ran).toMatchObject({ code: 'native-os', details: { errno: textLike(/ELOOP|ENOENT|EACCES/) } });
      } else {
        expect(ran.stdout).toContain('/deep/er rw');
      }
    }
    const { existsSync } = await import('node:fs');
    expect(existsSync('/tmp/canary')).toBe(false);
    expect(existsSync('/tmp/deep')).toBe(false);
  });

  it('follows a dangling symlink inside the root, and makes the target there', async () => {
    const ran = await attempt(
      (root) => {
        mkdirSync(join(root, 'var'));
        symlinkSync('/run', join(root, 'var/run'));
      },
      { mounts: [...baseMounts, { kind: 'bind', source: join(world.dir, 'canary/file'), target: '/var/run/inner/file', create: 'file', set: 1 }] },
    );
    expect(ran).toMatchObject({ stdout: textLike(/ \/run\/inner\/file ro/) });
  });

  it('gives up on a loop of symlinks', async () => {
    const error = await attempt(
      (root) => {
        symlinkSync('b', join(root, 'a'));
        symlinkSync('a', join(root, 'b'));
      },
      { mounts: [...baseMounts, { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/a/x', flags: 0, data: '' }] },
    );
    expect(error).toMatchObject({ details: { errno: 'ELOOP' } });
  });

  it('cannot send devices, the console or links elsewhere by a symlink in place of /dev', async () => {
    for (const target of [join('/', 'tmp'), '../../canary']) {
      const ran = await attempt(
        (root) => {
          rmSync(join(root, 'dev'), { recursive: true });
          symlinkSync(target, join(root, 'dev'));
        },
        { masked: ['/proc/keys'] },
      );
      // Resolved in the root, where it is a folder of the container's own or none at all.
      if (ran instanceof Error) expect(ran).toMatchObject({ code: 'native-os' });
      const { readdirSync } = await import('node:fs');
      expect(readdirSync(join(world.dir, 'canary'))).toEqual(['file']);
    }
  });

  it('gains nothing by swapping folders and symlinks in a volume while others are set up', async () => {
    const volume = join(world.dir, 'volume');
    mkdirSync(join(volume, 'd/sub'), { recursive: true });
    const canary = join(world.dir, 'canary');
    const inVolume = { kind: 'bind', source: volume, target: '/v', create: 'dir', recursive: true } as const;
    const racer = await world.keeper();
    const swap = `while :; do mv /v/d /v/x; ln -s ${canary} /v/d; rm /v/d; ln -s ../../../../../..${canary} /v/d; rm /v/d; ln -s /proc/1/root${canary} /v/d; rm /v/d; mv /v/x /v/d; done 2>/dev/null`;
    await racer.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['sh', '-c', swap]), { mounts: [...baseMounts, inVolume] }) });
    await racer.start();
    let worked = 0;
    for (let i = 0; i < 60; i++) {
      const keeper = await world.keeper();
      const mounts = [
        ...baseMounts,
        inVolume,
        { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/v/d/sub/made', flags: 0, data: '' },
        { kind: 'bind', source: join(world.root, 'etc'), target: '/v/d/file-or-folder', create: 'dir' },
      ] as const;
      const created = await keeper.create({ token: 't', io: pipes, plan: plan(world.root, processPlan(['true']), { mounts, masked: ['/v/d/sub'], readonly: ['/v/d'] }) }).then(() => true, () => false);
      if (created) worked += 1;
      await keeper.delete({ force: true });
    }
    await racer.delete({ force: true });
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(canary)).toEqual(['file']);
    expect(mountsBelow(world.dir)).toEqual([]);
    // The race was one: some came through, whichever they were.
    expect(worked).toBeGreaterThan(0);
  });

  it('cannot have another device where the null device should be', async () => {
    const keeper = await world.keeper();
    const root = makeRoot(join(world.dir, 'evil'));
    const { execFileSync } = await import('node:child_process');
    execFileSync('mknod', [join(root, 'dev/null'), 'c', '1', '5']);
    // Without a tmpfs over /dev.
    const mounts = baseMounts.filter((mount) => mount.target === '/proc');
    const error = await failure(keeper.create({ token: 't', io: pipes, plan: plan(root, processPlan(['true']), { mounts, links: [] }) }));
    expect(error).toMatchObject({ kind: 'conflict', details: { errno: 'EEXIST', step: 'mknod /dev/null' } });
    await keeper.delete();
    rmSync(root, { recursive: true });
  });

  it('finds the copy in memory when it reaches for what executes it', async () => {
    const root = makeRoot(join(world.dir, 'evil'));
    rmSync(join(root, 'bin/true'));
    writeFileSync(join(root, 'bin/true'), '#!/proc/self/exe\n', { mode: 0o755 });
    const keeper = await world.keeper();
    await keeper.create({ token: 't', io: pipes, plan: plan(root, processPlan(['sleep', '1000'])) });
    await keeper.start();
    await keeper.exec({ execId: 'x', process: processPlan(['true']), io: pipes });
    await keeper.start('x').catch(() => undefined);
    expect((await exitOf(keeper, 'x')).code).not.toBe(0);
    const { buildOf, findBinary } = await import('../src/binary.ts');
    expect(await buildOf(await findBinary())).toBe(keeper.build);
    await keeper.delete({ force: true });
    rmSync(root, { recursive: true });
  });
});
