/** Every published package as npm would pack it: publint for its manifest, are-the-types-wrong for its types, and a README. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const run = promisify(execFile);
const packages = join(import.meta.dirname, '../../packages');
const problems: string[] = [];

for (const name of readdirSync(packages)) {
  const dir = join(packages, name);
  if (!existsSync(join(dir, 'package.json'))) continue;
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { readonly exports?: Readonly<Record<string, unknown>> };
  const readme = existsSync(join(dir, 'README.md')) ? readFileSync(join(dir, 'README.md'), 'utf8') : '';
  if (!name.startsWith('linux-') && !readme.includes('```')) problems.push(`${name}: README.md has no example`);
  // Built on a machine of its kind only.
  if (name === `linux-${process.arch === 'x64' ? 'arm64' : 'x64'}`) continue;
  const { messages } = await publint({ pkgDir: dir, level: 'warning', strict: true, pack: false });
  for (const message of messages) problems.push(`${name}: ${formatMessage(message, manifest) ?? message.code}`);
  if (manifest.exports !== undefined && '.' in manifest.exports) {
    try {
      await run('attw', ['--pack', dir, '--profile', 'esm-only', '--format', 'ascii', '--quiet']);
    } catch (error) {
      problems.push(`${name}: are-the-types-wrong: ${error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)}`);
    }
  }
}

for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
