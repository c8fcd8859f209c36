import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function conformance(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning', path('../src/bin.ts'), ...args], (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }));
  });
}

/** Drivers mount: that takes root. */
const asRoot = process.geteuid?.() === 0;

describe('the command', () => {
  it('says how it is used', async () => {
    expect(await conformance('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: conformance storage') as string });
    expect(await conformance('storage')).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: conformance storage') as string });
    expect(await conformance('storage', 'x.js', '--suite', 'nonsense')).toMatchObject({ code: 2 });
  });

  it.runIf(asRoot)('reports what passed', async () => {
    const { code, stdout } = await conformance('storage', path('./model/plugin.ts'), '--suite', 'capabilities', '--tmp', '/dev/shm');
    expect(stdout).toMatch(/^ {2}ok {6}capabilities: sink \(\d+ ms\)$/m);
    expect(stdout).toMatch(/^10 passed, 0 failed, in \d+\.\d s$/m);
    expect(code).toBe(0);
  }, 120_000);

  it.runIf(asRoot)('reports what failed, and why', async () => {
    const { code, stdout } = await conformance('storage', path('./model/plugin.ts'), '--suite', 'repeated', '--mode', 'direct', '--options', '{"fault":"release-not-idempotent"}', '--tmp', '/dev/shm');
    expect(stdout).toMatch(/FAILED {2}repeated: release\(\) of what is not held resolves[^]*GantryError/);
    expect(stdout).toMatch(/^9 passed, 1 failed/m);
    expect(code).toBe(1);
  }, 120_000);

  it('says what is wrong with a module that is no plugin', async () => {
    const { code, stdout } = await conformance('storage', path('./bin.test.ts'), '--suite', 'capabilities', '--mode', 'direct');
    expect(stdout).toMatch(/FAILED/);
    expect(code).toBe(1);
  }, 120_000);
});
