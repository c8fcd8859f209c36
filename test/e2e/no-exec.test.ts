import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testDaemon } from '../support/daemon.ts';
import { because, cannot, missing } from '../support/needs.ts';
import { spawn } from 'node:child_process';
import { eventually } from '../support/run.ts';

const reasons = [missing.root, missing.registry, missing.strace];

describe.skipIf(cannot(...reasons))(because('a run, traced', ...reasons), () => {
  it('executes nothing but the program of the container', { timeout: 120_000 }, async () => {
    await using daemon = await testDaemon({ registry: true });
    const image = '127.0.0.1:5000/busybox';
    await daemon.gantry(['pull', '-q', image]);
    // The zygote is forked before: it, the daemon and all that either starts from here on are watched.
    expect((await daemon.gantry(['run', '--rm', image, 'true'])).code).toBe(0);
    const trace = join(daemon.dir, 'trace');
    const watched = daemon.engineProcesses();
    expect(watched.length).toBeGreaterThanOrEqual(2);
    const strace = spawn('strace', ['-f', '-qq', '-e', 'trace=execve,execveat', '-o', trace, ...watched.flatMap((pid) => ['-p', String(pid)])], { stdio: 'ignore' });
    await eventually(() => watched.every((pid) => /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))), (traced) => traced);
    expect(await daemon.gantry(['run', '--rm', '--memory', '64m', image, 'echo', 'traced'])).toEqual({ code: 0, stdout: 'traced\n', stderr: '' });
    const ended = new Promise((resolve) => strace.once('exit', resolve));
    strace.kill('SIGINT');
    await ended;

    const calls = readFileSync(trace, 'utf8').split('\n').filter((line) => line.includes('execve') && !line.includes('= -1 '));
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(/"echo", "traced"/);
  });
});
