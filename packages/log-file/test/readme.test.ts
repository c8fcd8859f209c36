import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('the README has an example that runs', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const script = fileURLToPath(new URL(`readme-example-${process.pid}.mjs`, import.meta.url)); // beside the package, so that its imports are found
  writeFileSync(script, code.replace('@gantry/log-file', '../src/index.ts'));
  try {
    expect(execFileSync(process.execPath, ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning', script], { encoding: 'utf8' })).toBe('two\nthree\n');
  } finally {
    rmSync(script);
  }
  expect(readdirSync('/tmp').filter((name) => name.startsWith('log-file-'))).toEqual([]);
});
