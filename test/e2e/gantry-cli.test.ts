import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDaemon, type TestDaemon } from '../support/daemon.ts';
import { because, cannot, missing } from '../support/needs.ts';

const debian = '127.0.0.1:5000/debian:12';
const reasons = [missing.root, missing.registry];

describe.skipIf(cannot(...reasons))(because('the gantry command', ...reasons), () => {
  let daemon: TestDaemon;
  const gantry = (...args: string[]) => daemon.gantry(args);

  beforeAll(async () => {
    daemon = await testDaemon({ registry: true });
  });
  afterAll(async () => {
    await (daemon as TestDaemon | undefined)?.[Symbol.asyncDispose]();
  });

  it('pulls, then runs', async () => {
    const pulled = await gantry('pull', debian);
    expect(pulled).toMatchObject({ code: 0, stderr: '' });
    expect(pulled.stdout).toMatch(/Status: Downloaded newer image for 127\.0\.0\.1:5000\/debian:12\n127\.0\.0\.1:5000\/debian:12\n$/);
    expect(await gantry('pull', '-q', debian)).toEqual({ code: 0, stdout: `${debian}\n`, stderr: '' });
    expect((await gantry('run', '--rm', debian, 'cat', '/etc/os-release')).stdout).toContain('VERSION_CODENAME=bookworm');
  });

  it('passes standard input, output and error, each as itself', async () => {
    const result = await daemon.gantry(['run', '--rm', '-i', debian, 'sh', '-c', 'cat; echo oops >&2'], { input: 'through\n' });
    expect(result).toEqual({ code: 0, stdout: 'through\n', stderr: 'oops\n' });
  });

  it('loses nothing of a lot of output', async () => {
    const { code, stdout } = await gantry('run', '--rm', debian, 'seq', '1', '300000');
    expect(code).toBe(0);
    expect(stdout).toBe(Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  it.each([
    [0, ['true']],
    [7, ['sh', '-c', 'exit 7']],
    [126, ['/etc/passwd']],
    [127, ['no-such-program']],
    [143, ['sh', '-c', 'sh -c "kill -15 \\$\\$"; exit $?']],
  ])('answers exit code %i', async (code, command) => {
    expect((await gantry('run', '--rm', debian, ...command)).code).toBe(code);
  });

  it('answers 125 where the engine refuses', async () => {
    expect(await gantry('run', '--rm', '--memory', '1k', debian, 'true')).toMatchObject({ code: 125, stderr: expect.stringMatching(/[Mm]emory/) as string });
    expect(await gantry('run', '--rm', '127.0.0.1:5000/nothing', 'true')).toMatchObject({ code: 125 });
    expect(await gantry('run', '--nope', debian)).toMatchObject({ code: 125, stderr: expect.stringContaining("See 'gantry run --help'") as string });
  });

  it('sets what it is told', async () => {
    const show = 'echo $A $B; pwd; hostname; id -u; id -g; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null';
    const { stdout } = await daemon.gantry(
      ['run', '--rm', '-e', 'A=1', '-e', 'B', '-w', '/usr/share', '--hostname', 'box', '-u', 'daemon:www-data', '--pids-limit', '50', '--entrypoint', 'sh', debian, '-c', show],
      { env: { B: 'two' } },
    );
    expect(stdout).toBe('1 two\n/usr/share\nbox\n1\n33\n50\n');
  });

  it.each([['none', 'lo\n'], ['default', 'lo\n']])('gives network %s loopback only', async (network, names) => {
    expect((await gantry('run', '--rm', '--network', network, debian, 'ls', '/sys/class/net')).stdout.replace('bonding_masters\n', '')).toBe(names);
  });

  it('runs in the background: ps, logs, stop, rm', async () => {
    const id = (await gantry('run', '-d', '--name', 'back', debian, 'sh', '-c', 'echo one; echo two >&2; exec sleep 300')).stdout.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await gantry('ps', '--format', '{{.Names}} {{.State}} {{.Image}}')).stdout).toBe(`back running ${debian}\n`);
    expect(await gantry('logs', 'back')).toEqual({ code: 0, stdout: 'one\n', stderr: 'two\n' });
    expect((await gantry('logs', '-t', '--tail', '1', 'back')).stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z two\n$/);
    expect(await gantry('stop', '-t', '1', 'back')).toEqual({ code: 0, stdout: 'back\n', stderr: '' });
    expect(JSON.parse((await gantry('inspect', 'back')).stdout)).toMatchObject([{ Id: id, State: { Status: 'exited', ExitCode: 137 } }]);
    expect(await gantry('rm', 'back', 'nobody')).toEqual({ code: 1, stdout: 'back\n', stderr: 'gantry: No such container: nobody\n' });
    expect((await gantry('ps', '-aq')).stdout).toBe('');
  });

  it('lists as JSON', async () => {
    const rows = (await gantry('images', '--json')).stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows).toEqual([expect.objectContaining({ Repository: '127.0.0.1:5000/debian', Tag: '12' })]);
    expect(JSON.parse((await gantry('version', '--json')).stdout)).toMatchObject({ Client: { Version: '0.1.0' }, Server: { Os: 'linux' } });
    expect(JSON.parse((await gantry('info', '--json')).stdout)).toMatchObject({ OSType: 'linux' });
  });

  it('shows its drivers', async () => {
    const { stdout } = await gantry('plugins', '--format', '{{.Kind}} {{.Name}} {{.Status}}');
    expect(stdout).toContain('storage overlay used');
    expect(stdout).toContain('runtime linux used');
  });

  it('greets', async () => {
    const { code, stdout } = await gantry('run', '--rm', '--memory', '64m', '--cpus', '0.5', '--pids-limit', '20', 'hello');
    expect(code).toBe(0);
    for (const fact of [/PID 1 of 1/, /overlay of 2 read-only layers, writable/, /14 of 41: chown/, /seccomp +1 filter/, /memory limit +64 MiB/, /cpu limit +0\.50 CPUs/, /pids limit +20/, /network +lo \(no way out\)/]) {
      expect(stdout).toMatch(fact);
    }
  });

  it('helps', async () => {
    const { code, stdout } = await gantry('run', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('gantry run --rm hello');
    expect(stdout).toContain('--pids-limit');
    expect((await gantry('--help')).stdout).toMatch(/run +Run a program in a new container/);
    expect((await gantry('daemon', '--help')).stdout).toContain('--data-root');
  });

  it('removes the image', async () => {
    expect((await gantry('rmi', debian)).stdout).toMatch(/^Untagged: 127\.0\.0\.1:5000\/debian:12\n[^]*Deleted: sha256:/);
  });
});
