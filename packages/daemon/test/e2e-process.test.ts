import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cgroupsOf, DaemonProcess, eventually, missing, processesNaming, run } from './support/daemon-process.ts';

describe.skipIf(missing !== '')(`the process gantryd${missing === '' ? '' : ` (skipped: needs ${missing})`}`, { timeout: 120_000 }, () => {
  test('answers soon, and is there only for its owner and group', async () => {
    await using daemon = await DaemonProcess.make();
    await daemon.start(); // the first one makes the data root
    await daemon.end('SIGTERM');
    const ms = await daemon.start();
    expect(statSync(daemon.socket).mode & 0o777).toBe(0o660);
    expect(statSync(join(daemon.dir, 'data')).mode & 0o777).toBe(0o700);
    // A third of a second on a quiet machine, from sources; tests run on busy ones.
    expect(ms).toBeLessThan(5000);
  });

  test('ends in order: exit code 0, no socket, no pid file, and containers go on', async () => {
    await using daemon = await DaemonProcess.make({ registry: true });
    await daemon.start();
    const { stdout } = await daemon.docker('run', '-d', '--name', 'stays', '127.0.0.1:5000/busybox', 'sleep', '1000');
    const following = daemon.docker('logs', '-f', 'stays');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect([existsSync(daemon.socket), existsSync(join(daemon.dir, 'pid'))]).toEqual([false, false]);
    await following;
    await daemon.start();
    expect((await daemon.docker('inspect', '-f', '{{.Id}} {{.State.Running}}', 'stays')).stdout).toBe(`${stdout.trim()} true\n`);
  });

  test('killed while containers run: no output and no exit code is lost', async () => {
    await using daemon = await DaemonProcess.make({ registry: true });
    await daemon.start();
    const image = '127.0.0.1:5000/busybox';
    await daemon.docker('run', '-d', '--name', 'counts', image, 'sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.2; done; exit 9');
    await daemon.docker('run', '-d', '--name', 'stays', image, 'sleep', '1000');
    await daemon.docker('run', '-d', '--rm', '--name', 'goes', image, 'sh', '-c', 'sleep 1; exit 3');
    await daemon.end('SIGKILL');
    expect(existsSync(daemon.socket)).toBe(true); // stale: the next one replaces it
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await daemon.start();
    expect((await daemon.docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'counts')).stdout).toBe('exited 9\n');
    expect((await daemon.docker('logs', 'counts')).stdout).toBe('1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n');
    expect((await daemon.docker('ps', '--format', '{{.Names}}')).stdout).toBe('stays\n');
    expect((await daemon.docker('exec', 'stays', 'echo', 'still here')).stdout).toBe('still here\n');
    await eventually(() => daemon.docker('ps', '-a', '--format', '{{.Names}}'), ({ stdout }) => !stdout.includes('goes'));
    expect((await daemon.docker('wait', 'counts')).stdout).toBe('9\n');
    // What they were made of goes with them: only the engine's own groups stay.
    const groups = (): string[] => cgroupsOf(join(daemon.dir, 'data')).filter((path) => !/\/gantry-[0-9a-f]{8}\/?$/.test(path));
    expect(groups()).not.toEqual([]);
    await daemon.docker('rm', '-f', 'counts', 'stays');
    await eventually(groups, (left) => left.length === 0);
  });

  test('a second one on the same data root, or the same socket, is told who is there', async () => {
    await using daemon = await DaemonProcess.make();
    await daemon.start();
    const same = await run('nsenter', daemon.words());
    expect(same.code).toBe(1);
    expect(same.stderr).toContain(`another daemon listens on ${daemon.socket}: stop it, or listen somewhere else (--host)`);
    const other = await run('nsenter', [...daemon.words().map((word) => (word === `unix://${daemon.socket}` ? `unix://${daemon.socket}2` : word))]);
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(new RegExp(`the data root ${daemon.dir}/data is in use by another engine \\(process \\d+ listening on unix://${daemon.socket}\\)`));
    expect((await daemon.api('GET', '/_ping')).status).toBe(200);
    expect(Number(readFileSync(join(daemon.dir, 'pid'), 'utf8'))).toBe(daemon.pid);
  });

  test('tells when it is ready, and that it does not read its configuration again', async () => {
    await using daemon = await DaemonProcess.make();
    await daemon.start('--ready-fd', '3', '--log-format', 'json');
    process.kill(daemon.pid, 'SIGHUP');
    await eventually(() => daemon.log(), (log) => log.includes('SIGHUP'));
    for (const line of daemon.log().trimEnd().split('\n')) expect(JSON.parse(line)).toMatchObject({ time: expect.any(String) as string, level: expect.any(String) as string });
    expect(daemon.log()).toContain('"message":"ready"');
    expect((await daemon.api('GET', '/_ping')).status).toBe(200);
  });

  test('leaves no process behind but its keepers’ helper', async () => {
    await using daemon = await DaemonProcess.make();
    await daemon.start();
    await daemon.end('SIGTERM');
    expect(processesNaming(daemon.dir).length).toBeLessThanOrEqual(1);
  });
});
