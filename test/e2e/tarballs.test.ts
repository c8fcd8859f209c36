import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { because, cannot, missing } from '../support/needs.ts';
import { ok, run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

describe.skipIf(cannot(missing.root))(because('an empty project made from packed tarballs', missing.root), () => {
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'gantry-e2e-tarballs-'));
    const packages = globSync('packages/*/package.json', { cwd: root }).map((path) => join(root, path, '..'));
    await Promise.all(packages.map((folder) => ok('pnpm', ['pack', '--pack-destination', dir], { cwd: folder })));
    const tarballs = globSync('*.tgz', { cwd: dir });
    const dependencies = Object.fromEntries(packages.map((folder) => {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly name: string };
      const file = tarballs.find((tarball) => new RegExp(`^${name.replace('@', '').replace('/', '-')}-\\d`).test(tarball));
      if (file === undefined) throw new Error(`no tarball of ${name}`);
      return [name, `file:./${file}`] as const;
    }).filter(([name]) => !name.includes('/linux-')));
    const natives = Object.fromEntries(tarballs.filter((file) => file.startsWith('gantry-linux-')&& /linux-(x64|arm64)-/.test(file)).map((file) => [`@gantry/${/linux-(x64|arm64)/.exec(file)?.[0] ?? ''}`, `file:./${file}`]));
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module', dependencies, optionalDependencies: natives }));
    await ok('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], { cwd: dir, timeout: 110_000 });
  });
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('runs a container by the engine in-process, with no daemon', async () => {
    cpSync(join(root, 'examples/engine-in-process/run.ts'), join(dir, 'run.ts'));
    const { code, stdout, stderr } = await run(process.execPath, ['run.ts'], { cwd: dir });
    expect(stderr).toMatch(/^(layer [0-9a-f]{12} is here\n)*$/);
    expect(stdout).toContain('Hello from Gantry!');
    expect(code).toBe(0);
  });

  it('has the gantry command', async () => {
    expect(existsSync(join(dir, 'node_modules/.bin/gantry'))).toBe(true);
    expect(await ok(join(dir, 'node_modules/.bin/gantry'), ['--help'])).toContain('run');
  });
});
