import { differences, hasDocument, responseSchema } from '../../api-types/test/support/openapi.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess, missing } from './support/daemon-process.ts';

const debian = '127.0.0.1:5000/debian:12';

describe.skipIf(missing !== '')(`the docker command against gantryd${missing === '' ? '' : ` (skipped: needs ${missing})`}`, { timeout: 120_000 }, () => {
  let daemon: DaemonProcess;
  const docker = (...args: string[]): ReturnType<DaemonProcess['docker']> => daemon.docker(...args);
  const success = { code: 0, stderr: '' };

  beforeAll(async () => {
    daemon = await DaemonProcess.make({ registry: true });
    await daemon.start('--debug');
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  test('pull', async () => {
    const { code, stdout, stderr } = await docker('pull', debian);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^12: Pulling from debian\n[0-9a-f]{12}: Pulling fs layer\n[^]*[0-9a-f]{12}: Pull complete\nDigest: sha256:[0-9a-f]{64}\nStatus: Downloaded newer image for 127\.0\.0\.1:5000\/debian:12\n127\.0\.0\.1:5000\/debian:12\n$/);
    expect((await docker('pull', debian)).stdout).toContain('Status: Image is up to date for 127.0.0.1:5000/debian:12');
  });

  test('pull of what is not there', async () => {
    const { code, stderr } = await docker('pull', '127.0.0.1:5000/nope:1');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error response from daemon: .*127\.0\.0\.1:5000\/nope/);
  });

  test('run', async () => {
    const { code, stdout, stderr } = await docker('run', '--rm', debian, 'cat', '/etc/os-release');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('VERSION_CODENAME=bookworm');
  });

  test('run with standard input, output and error, each as itself', async () => {
    expect(await daemon.dockerWith('through\n', 'run', '--rm', '-i', debian, 'sh', '-c', 'cat; echo oops >&2')).toEqual({ code: 0, stdout: 'through\n', stderr: 'oops\n' });
  });

  test('a megabyte through standard input and back', async () => {
    const input = 'x'.repeat(1024 * 1024);
    expect(await daemon.dockerWith(input, 'run', '--rm', '-i', debian, 'cat')).toEqual({ ...success, stdout: input });
  });

  test.each([
    [0, ['true'], ''],
    [7, ['sh', '-c', 'exit 7'], ''],
    [126, ['/etc/passwd'], 'docker: Error response from daemon: '],
    [127, ['no-such-program'], 'docker: Error response from daemon: '],
  ])('exit code %i', async (code, command, stderr) => {
    const result = await docker('run', '--rm', debian, ...command);
    expect(result.code).toBe(code);
    expect(result.stderr.startsWith(stderr)).toBe(true);
    if (stderr === '') expect(result.stderr).toBe('');
  });

  test('in the background: ps, logs, inspect, stop, rm', async () => {
    const { stdout, ...rest } = await docker('run', '-d', '--name', 'back', '--label', 'a=b', debian, 'sh', '-c', 'echo one; echo two >&2; exec sleep 300');
    expect(rest).toEqual(success);
    const id = stdout.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await docker('ps', '--filter', 'label=a=b', '--format', '{{.ID}} {{.Image}} {{.Names}} {{.State}}')).stdout).toBe(`${id.slice(0, 12)} ${debian} back running\n`);
    expect((await docker('ps', '-q', '--filter', 'label=c')).stdout).toBe('');
    expect(await docker('logs', 'back')).toEqual({ code: 0, stdout: 'one\n', stderr: 'two\n' });
    expect((await docker('logs', '-t', '--tail', '1', 'back')).stderr).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z two\n$/);
    expect(await docker('stop', '-t', '1', 'back')).toEqual({ ...success, stdout: 'back\n' });
    expect((await docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}} {{.Name}}', id.slice(0, 10))).stdout).toBe('exited 137 /back\n');
    expect(await docker('rm', 'back')).toEqual({ ...success, stdout: 'back\n' });
    expect(await docker('inspect', 'back')).toEqual({ code: 1, stdout: '[]\n', stderr: 'Error: No such object: back\n' });
  });

  test('logs -f ends with the container', async () => {
    await docker('run', '-d', '--name', 'talks', debian, 'sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.2; done');
    expect(await docker('logs', '-f', 'talks')).toEqual({ ...success, stdout: '1\n2\n3\n' });
    await docker('rm', '-f', 'talks');
  });

  test('a limit on memory holds', async () => {
    const { code, stdout } = await docker('run', '--name', 'greedy', '--memory', '64m', debian, 'sh', '-c', 'x=$(head -c 200m /dev/zero | tr "\\0" x); echo survived');
    expect([code, stdout]).toEqual([137, '']);
    expect((await docker('inspect', '-f', '{{.State.OOMKilled}} {{.HostConfig.Memory}}', 'greedy')).stdout).toBe(`true ${64 << 20}\n`);
    await docker('rm', 'greedy');
  });

  test('exec', async () => {
    await docker('run', '-d', '--name', 'host', debian, 'sleep', '300');
    expect(await daemon.dockerWith('in\n', 'exec', '-i', '-e', 'A=1', 'host', 'sh', '-c', 'cat; echo $A >&2; exit 5')).toEqual({ code: 5, stdout: 'in\n', stderr: '1\n' });
    await docker('rm', '-f', 'host');
  });

  test('attach to what runs', async () => {
    await docker('run', '-d', '-i', '--name', 'cat', debian, 'cat');
    // Its input stays open when a client's ends: another one may come.
    const first = daemon.dockerWith('one\n', 'attach', 'cat');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect((await docker('inspect', '-f', '{{.State.Running}}', 'cat')).stdout).toBe('true\n');
    await docker('kill', 'cat');
    expect((await first).stdout).toBe('one\n');
    expect((await docker('wait', 'cat')).stdout).toBe('137\n');
    await docker('rm', 'cat');
  });

  test('what is not there yet is said by name', async () => {
    for (const [args, words] of [[['-p', '80:80'], 'published ports'], [['-v', '/tmp:/x'], 'bind mounts']] as const) {
      const { code, stderr } = await docker('run', '--rm', ...args, debian, 'true');
      expect(code).toBe(125);
      expect(stderr).toContain(words);
    }
  });

  test('the embedded image needs no registry', async () => {
    const { code, stdout } = await docker('run', '--rm', 'hello');
    expect(code).toBe(0);
    expect(stdout).toContain('Gantry');
  });

  test('the commands that tell of the system', async () => {
    expect((await docker('version', '-f', '{{.Server.Os}} {{.Server.APIVersion}}')).stdout).toBe('linux 1.56\n');
    expect((await docker('info', '-f', '{{.Driver}} {{.Swarm.LocalNodeState}}')).stdout).toMatch(/^(?:overlay|vfs) inactive\n$/);
    expect((await docker('network', 'ls', '--format', '{{.Name}}')).stdout).toBe('host\nnone\n');
    expect(await docker('volume', 'ls', '-q')).toEqual({ ...success, stdout: '' });
    expect((await docker('events', '--since', '1h', '--until', '0s', '--filter', 'event=die', '--format', '{{.Action}} {{index .Actor.Attributes "exitCode"}}')).stdout).toContain('die 7\n');
  });

  describe.skipIf(!hasDocument)('answers agree with the OpenAPI document', () => {
    const lenient = { legacy: ['Containers'], nulls: ['MemorySwappiness', 'OomKillDisable'] };

    test.each([
      ['/version', '/version'], ['/info', '/info'], ['/networks', '/networks'], ['/volumes', '/volumes'], ['/images/json', '/images/json'],
      [`/images/${debian}/json`, '/images/{name}/json'], [`/images/${debian}/history`, '/images/{name}/history'],
    ])('%s', async (path, documented) => {
      expect(differences(await daemon.json('GET', path), responseSchema('GET', documented, 200), lenient)).toEqual([]);
    });

    test('those of a container', async () => {
      await docker('run', '-d', '--name', 'seen', '--memory', '64m', '--tmpfs', '/t', debian, 'sleep', '300');
      for (const [path, documented] of [['/containers/json?size=1', '/containers/json'], ['/containers/seen/json?size=1', '/containers/{id}/json']] as const) {
        expect(differences(await daemon.json('GET', path), responseSchema('GET', documented, 200), lenient)).toEqual([]);
      }
      await docker('rm', '-f', 'seen');
    });

    test('those of every event', async () => {
      const { body } = await daemon.api('GET', `/events?since=1&until=${Math.floor(Date.now() / 1000) + 1}`);
      const events = body.trimEnd().split('\n').map((line): unknown => JSON.parse(line));
      expect(events.length).toBeGreaterThan(10);
      for (const event of events) expect(differences(event, responseSchema('GET', '/events', 200))).toEqual([]);
    });
  });

  test('rmi', async () => {
    const { code, stdout } = await docker('rmi', debian);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Untagged: 127\.0\.0\.1:5000\/debian:12\n/);
    expect((await docker('image', 'inspect', debian)).code).toBe(1);
  });

  test('nothing of it was a defect', () => {
    expect(daemon.log().split('\n').filter((line) => line.includes(' error '))).toEqual([]);
  });
});
