import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDaemon, type TestDaemon } from '../support/daemon.ts';
import { because, cannot, missing } from '../support/needs.ts';

const debian = '127.0.0.1:5000/debian:12';
const reasons = [missing.root, missing.docker, missing.registry];

describe.skipIf(cannot(...reasons))(because('the docker command', ...reasons), () => {
  let daemon: TestDaemon;
  const docker = (...args: string[]) => daemon.docker(args);

  beforeAll(async () => {
    daemon = await testDaemon({ registry: true });
  });
  afterAll(async () => {
    await (daemon as TestDaemon | undefined)?.[Symbol.asyncDispose]();
  });

  it('pulls an image', async () => {
    const { code, stdout, stderr } = await docker('pull', debian);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^12: Pulling from debian$/m);
    expect(stdout).toMatch(/^[0-9a-f]{12}: Pull complete$/m);
    expect(stdout).toMatch(/^Digest: sha256:[0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^Status: Downloaded newer image for 127\.0\.0\.1:5000\/debian:12$/m);
    expect((await docker('pull', debian)).stdout).toContain('Status: Image is up to date');
    expect((await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).stdout).toBe(`${debian}\n`);
  });

  it('runs a program of it', async () => {
    const { code, stdout } = await docker('run', '--rm', debian, 'cat', '/etc/os-release');
    expect(code).toBe(0);
    expect(stdout).toContain('VERSION_CODENAME=bookworm');
  });

  it('passes standard input, output and error, each as itself', async () => {
    const result = await daemon.docker(['run', '--rm', '-i', debian, 'sh', '-c', 'cat; echo oops >&2'], { input: 'through\n' });
    expect(result).toEqual({ code: 0, stdout: 'through\n', stderr: 'oops\n' });
  });

  it.each([
    [0, ['true']],
    [7, ['sh', '-c', 'exit 7']],
    [126, ['/etc/passwd']],
    [127, ['no-such-program']],
    [127, ['/no/such/program']],
    [137, ['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?']],
  ])('answers exit code %i', async (code, command) => {
    expect((await docker('run', '--rm', debian, ...command)).code).toBe(code);
  });

  it('runs in the background: ps, logs, stop, rm', async () => {
    const id = (await docker('run', '-d', '--name', 'back', debian, 'sh', '-c', 'echo one; echo two >&2; exec sleep 300')).stdout.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await docker('ps', '--format', '{{.Names}} {{.State}}')).stdout).toBe('back running\n');
    expect(await docker('logs', 'back')).toEqual({ code: 0, stdout: 'one\n', stderr: 'two\n' });
    expect(await docker('stop', '-t', '1', 'back')).toEqual({ code: 0, stdout: 'back\n', stderr: '' });
    expect((await docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}', id.slice(0, 12))).stdout).toBe('exited 137 false\n');
    expect(await docker('rm', 'back')).toEqual({ code: 0, stdout: 'back\n', stderr: '' });
    expect((await docker('ps', '-aq')).stdout).toBe('');
    expect(await docker('inspect', 'back')).toMatchObject({ code: 1, stdout: '[]\n', stderr: 'Error: No such object: back\n' });
  });

  it('holds a container to its memory', async () => {
    const result = await docker('run', '--name', 'greedy', '--memory', '64m', debian, 'sh', '-c', 'x=$(head -c 200m /dev/zero | tr "\\0" x); echo survived');
    expect(result.stdout).not.toContain('survived');
    expect(result.code).toBe(137);
    expect((await docker('inspect', '-f', '{{.State.OOMKilled}} {{.HostConfig.Memory}}', 'greedy')).stdout).toBe(`true ${64 << 20}\n`);
    await docker('rm', 'greedy');
  });

  it('waits, kills, and shows what an image is', async () => {
    await docker('run', '-d', '--name', 'waiting', debian, 'sleep', '300');
    const waiting = docker('wait', 'waiting');
    expect((await docker('kill', '-s', 'TERM', 'waiting')).code).toBe(0);
    expect((await docker('kill', 'waiting')).code).toBe(0);
    expect((await waiting).stdout).toBe('137\n');
    expect((await docker('kill', 'waiting')).stderr).toMatch(/is not running/);
    await docker('rm', 'waiting');
    expect((await docker('image', 'inspect', '-f', '{{.Os}}/{{.Architecture}} {{len .RootFS.Layers}}', debian)).stdout).toMatch(/^linux\/\w+ 1\n$/);
  });

  it('refuses a name that is taken, and to remove what runs', async () => {
    await docker('run', '-d', '--name', 'taken', debian, 'sleep', '300');
    const twice = await docker('run', '-d', '--name', 'taken', debian, 'true');
    expect(twice.code).toBe(125);
    expect(twice.stderr).toContain('The container name "/taken" is already in use by container');
    expect((await docker('rm', 'taken')).stderr).toMatch(/container is running: stop the container before removing or force remove/);
    expect((await docker('rmi', debian)).stderr).toMatch(/conflict: unable to (remove repository reference|delete)/);
    expect((await docker('rm', '-f', 'taken')).code).toBe(0);
  });

  it('runs the embedded image, with no registry asked', async () => {
    const { code, stdout } = await docker('run', '--rm', 'hello');
    expect(code).toBe(0);
    expect(stdout).toContain('Hello from Gantry!');
    expect(stdout).toMatch(/process +PID 1 of 1 it can see/);
  });

  it('tells of itself', async () => {
    expect((await docker('version', '-f', '{{.Server.Os}} {{.Server.APIVersion}}')).stdout).toMatch(/^linux 1\.\d+\n$/);
    expect((await docker('info', '-f', '{{.Driver}} {{.CgroupVersion}}')).stdout).toMatch(/^overlay\d? [12]\n$/);
  });

  it('removes the image', async () => {
    const { code, stdout } = await docker('rmi', debian);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Untagged: 127\.0\.0\.1:5000\/debian:12$/m);
    expect(stdout).toMatch(/^Deleted: sha256:[0-9a-f]{64}$/m);
  });
});
