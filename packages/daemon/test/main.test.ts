import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const bin = new URL('../src/bin.ts', import.meta.url).pathname;

/** The program from its sources. */
function gantryd(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--conditions=@gantry/source', bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gantry-test-main-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (content: string): string => {
  const path = join(folder, 'daemon.json');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
};

describe('gantryd', () => {
  test.skipIf(process.getuid?.() !== 0)('without root says so in one sentence (skipped: needs root to give it up)', async () => {
    const program = `import { runDaemon } from ${JSON.stringify(bin.replace('bin.ts', 'main.ts'))}; process.setuid(65534); process.exit(await runDaemon([]));`;
    const child = spawn(process.execPath, ['--conditions=@gantry/source', '--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, stderr]).toEqual([1, expect.stringMatching(/error gantryd needs root, [^\n]*: run it with sudo code=needs-root\n$/)]);
  });

  test('--help', async () => {
    const { code, stdout, stderr } = await gantryd('--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Usage: gantryd [OPTIONS]');
  });

  test('--version', async () => {
    expect(await gantryd('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Gantry version \d+\.\d+\.\d+\n$/) as string, stderr: '' });
  });

  test('--validate', async () => {
    expect(await gantryd('--validate', '--config-file', file('{"debug":true}'))).toEqual({ code: 0, stdout: 'configuration OK\n', stderr: '' });
    const bad = await gantryd('--validate', '--config-file', file('{"debgu":true}'));
    expect([bad.code, bad.stdout]).toEqual([2, '']);
    expect(bad.stderr).toMatch(/error .*daemon\.json: "debgu": there is no such setting: did you mean "debug"\? code=bad-config\n$/);
  });

  test.each([
    [['--nope'], 2, 'unknown flag: --nope. See gantryd --help'],
    [['-H', 'tcp://127.0.0.1:2375'], 2, 'this version does not listen on TCP'],
    [['--config-file', '/no/such/file'], 1, 'cannot read the configuration file /no/such/file'],
    [['--group', 'no-such-group-here'], 1, 'there is no group "no-such-group-here"'],
  ])('%j ends with %i and one sentence', async (args, expected, sentence) => {
    const { code, stdout, stderr } = await gantryd(...args);
    expect([code, stdout]).toEqual([expected, '']);
    expect(stderr).toContain(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
