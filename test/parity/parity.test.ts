import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDaemon, type TestDaemon } from '../support/daemon.ts';
import { because, cannot, missing } from '../support/needs.ts';
import { play } from './play.ts';
import { scenarios } from './scenarios.ts';
import type { Answer, Recording } from './step.ts';

interface Difference {
  readonly scenario: string;
  /** Index of the step. */
  readonly step: number;
  readonly docker: unknown;
  readonly gantry: unknown;
  readonly reason: string;
}

const folder = import.meta.dirname;
const differences = JSON.parse(readFileSync(join(folder, 'differences.json'), 'utf8')) as readonly Difference[];
const reasons = [missing.root, missing.docker, missing.registry];

/** Where two answers differ, smallest first: paths into them, with both values. */
function differing(docker: unknown, gantry: unknown, path = ''): { readonly path: string; readonly docker: unknown; readonly gantry: unknown }[] {
  if (Object.is(docker, gantry) || JSON.stringify(docker) === JSON.stringify(gantry)) return [];
  const plain = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
  if (!plain(docker) || !plain(gantry) || Array.isArray(docker) !== Array.isArray(gantry)) return [{ path, docker, gantry }];
  return [...new Set([...Object.keys(docker), ...Object.keys(gantry)])].flatMap((key) => differing(docker[key], gantry[key], `${path}/${key}`));
}

describe.skipIf(cannot(...reasons))(because('beside current Docker', ...reasons), () => {
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await testDaemon({ registry: true });
    await daemon.docker(['pull', '-q', '127.0.0.1:5000/busybox']);
    await daemon.docker(['tag', '127.0.0.1:5000/busybox', 'busybox']);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  for (const scenario of scenarios) {
    it(scenario.name, async () => {
      const file = join(folder, 'recorded', `${scenario.name}.json`);
      expect(existsSync(file), 'record it: test/parity/record.ts').toBe(true);
      const recording = JSON.parse(readFileSync(file, 'utf8')) as Recording;
      const answers: Answer[] = await play({ host: daemon.host, dockerConfig: join(daemon.dir, 'docker-config') }, scenario);
      const unlisted = recording.answers.flatMap((docker, step) => {
        const gantry = answers[step];
        const listed = differences.filter((d) => d.scenario === scenario.name && d.step === step);
        if (listed.some((d) => JSON.stringify(d.gantry) === JSON.stringify(gantry))) return [];
        return differing(docker, gantry).map((d) => ({ step, ...d }));
      });
      expect(unlisted).toEqual([]);
    });
  }

  it('has no listed difference that is none any more', () => {
    const names = new Set(scenarios.map(({ name }) => name));
    for (const { scenario, reason } of differences) {
      expect(names).toContain(scenario);
      expect(reason.length).toBeGreaterThan(10);
    }
  });
});
