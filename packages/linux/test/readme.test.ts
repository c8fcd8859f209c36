import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reasonToSkip } from './support/world.ts';

describe.skipIf(reasonToSkip !== '')(`the README ${reasonToSkip}`, () => {
  it('has an example that does what it says', () => {
    const folder = join(import.meta.dirname, '..');
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(folder, 'README.md'), 'utf8')) ?? [];
    const before = readdirSync('/tmp').filter((name) => name.startsWith('gantry-example-'));
    const ran = spawnSync(process.execPath, ['--conditions=@gantry/source', '--input-type=module-typescript', '--eval', code], { cwd: folder, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toBe('process 1 on example\nexit code 7\n');
    expect(readdirSync('/tmp').filter((name) => name.startsWith('gantry-example-'))).toEqual(before);
  });
});
