/** Records what the reference engine answers: `eval "$(tools/lab/peers.sh env)"; tools/dev node test/parity/record.ts [NAME...]`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok } from '../support/run.ts';
import { play } from './play.ts';
import { scenarios } from './scenarios.ts';

const host = process.env['MODERN_DOCKER_HOST'];
if (host === undefined) throw new Error('MODERN_DOCKER_HOST is not set: eval "$(tools/lab/peers.sh env)"');
const folder = join(import.meta.dirname, 'recorded');
mkdirSync(folder, { recursive: true });
const dockerConfig = mkdtempSync(join(tmpdir(), 'gantry-parity-'));
const version = (await ok('docker', ['version', '-f', '{{.Server.Version}} (API {{.Server.APIVersion}})'], { env: { DOCKER_HOST: host } })).trim();
const names = new Set(process.argv.slice(2));
for (const scenario of scenarios.filter(({ name }) => names.size === 0 || names.has(name))) {
  const answers = await play({ host, dockerConfig }, scenario);
  writeFileSync(join(folder, `${scenario.name}.json`), `${JSON.stringify({ engine: `Docker ${version}`, answers }, null, 1)}\n`);
  process.stdout.write(`${scenario.name}\n`);
}
rmSync(dockerConfig, { recursive: true });
