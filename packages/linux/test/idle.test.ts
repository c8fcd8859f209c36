import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openNative } from '../src/index.ts';

const root = process.getuid?.() === 0;

describe.skipIf(!root)(root ? 'a zygote that nobody needs' : 'a zygote that nobody needs (needs root)', () => {
  it('ends by itself, and not while somebody is connected', { timeout: 60_000 }, async () => {
    const runDir = mkdtempSync(join(tmpdir(), 'gantry-test-idle-'));
    try {
      const native = await openNative({ runDir, instance: 'abcdef01' });
      await new Promise((resolve) => setTimeout(resolve, 11_000));
      await native.ping();
      const { pid } = native;
      await native[Symbol.asyncDispose]();
      const deadline = performance.now() + 25_000;
      while (existsSync(`/proc/${pid}`) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
      expect(existsSync(`/proc/${pid}`)).toBe(false);
      expect(existsSync(join(runDir, 'z'))).toBe(false);
    } finally {
      rmSync(runDir, { recursive: true, force: true });
    }
  });
});
