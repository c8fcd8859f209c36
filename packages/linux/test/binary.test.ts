import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildOf, findBinary } from '../src/binary.ts';
import { failure, textLike } from './support/plan.ts';

describe('the native binary', () => {
  it('is found, and named by its bytes', async () => {
    const path = await findBinary();
    expect(statSync(path).mode & 0o111).toBe(0o111);
    expect(await buildOf(path)).toMatch(/^[0-9a-f]{16}$/);
    expect(await buildOf(path)).toBe(await buildOf(path));
    expect(await buildOf('/bin/sh')).not.toBe(await buildOf(path));
  });

  it('is missed with a word on what to do', async () => {
    expect(await failure(findBinary('linux', 'riscv64'))).toMatchObject({ kind: 'unavailable', code: 'native-binary-missing', message: textLike(/x64 or arm64/) });
    expect(await failure(findBinary('darwin', 'arm64'))).toMatchObject({ kind: 'unavailable', message: textLike(/virtual machine/) });
    expect(await failure(buildOf('/no/such/file'))).toMatchObject({ kind: 'unavailable', code: 'native-binary-missing' });
  });
});
