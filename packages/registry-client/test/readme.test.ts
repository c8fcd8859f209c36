import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Holding, noise } from './support/images.ts';
import { ScriptedServer } from './support/scripted-server.ts';

const root = new URL('../', import.meta.url);

it('the example of the README runs', async () => {
  const readme = await readFile(new URL('README.md', root), 'utf8');
  const [, example] = /```ts\n([^]*?)```/.exec(readme) ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'gantry-test-readme-'));
  await mkdir(join(folder, 'node_modules/@gantry'), { recursive: true });
  await symlink(fileURLToPath(root), join(folder, 'node_modules/@gantry/registry-client'));
  const holding = new Holding();
  const data = [noise(1000), noise(100_000)];
  holding.image(data, { tag: 'latest' });
  await using registry = await ScriptedServer.start(holding.serve);
  try {
    const script = join(folder, 'pull.ts');
    await writeFile(script, example ?? '');
    const out = join(folder, 'out');
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@gantry/source', script, `${registry.host}/app`, out]);
    expect(stdout).toMatch(/2 layers, linux\/\w+\n$/);
    const files = (await readdir(out)).sort();
    expect(await Promise.all(files.map((file) => readFile(join(out, file))))).toEqual(data);
  } finally {
    await rm(folder, { recursive: true });
  }
});
