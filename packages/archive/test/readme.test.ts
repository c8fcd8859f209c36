import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { needsRoot } from './support/world.ts';

const examples = [...readFileSync(new URL('../README.md', import.meta.url), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code ?? '');

function run(code: string | undefined): string {
  const script = fileURLToPath(new URL(`readme-example-${process.pid}.mjs`, import.meta.url)); // beside the package, so that its imports are found
  writeFileSync(script, (code ?? '').replace("'@gantry/archive'", "'../src/index.ts'"));
  try {
    return execFileSync(process.execPath, ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning', script], { encoding: 'utf8' });
  } finally {
    rmSync(script);
  }
}

it('the README has two examples', () => {
  expect(examples.length).toBe(2);
});

it('the README lists a tar', () => {
  expect(run(examples[0])).toBe('dir etc 0\nfile etc/motd 6\nsymlink motd 0\n');
});

it.skipIf(needsRoot !== '')('the README applies a layer, and leaves nothing behind', () => {
  expect(run(examples[1])).toMatch(/^sha256:[0-9a-f]{64} 1 hello\n\npacked into \d+ bytes\n$/);
  expect(readdirSync('/tmp').filter((name) => name.startsWith('archive-example-'))).toEqual([]);
});
