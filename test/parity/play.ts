import { request } from 'node:http';
import { run } from '../support/run.ts';
import { Normaliser } from './normalise.ts';
import type { Answer, Scenario, Step } from './step.ts';

export interface Engine {
  /** `unix:///path` */
  readonly host: string;
  readonly dockerConfig: string;
}

/** Does a scenario on an engine, and takes away what it left. */
export async function play(engine: Engine, scenario: Scenario): Promise<Answer[]> {
  const normaliser = new Normaliser();
  const saved = new Map<string, string>();
  const answers: Answer[] = [];
  try {
    for (const step of scenario.steps) {
      const { code, stdout, stderr } = await one(engine, step, saved);
      if (step.save !== undefined) saved.set(step.save, saveable(stdout));
      answers.push(normaliser.answer(code, stdout, stderr));
    }
  } finally {
    const left = await run('docker', ['ps', '-aq'], { env: env(engine) });
    const ids = left.stdout.split('\n').filter((id) => id !== '');
    if (ids.length > 0) await run('docker', ['rm', '-f', ...ids], { env: env(engine) });
  }
  return answers;
}

const env = (engine: Engine): Record<string, string> => ({ DOCKER_HOST: engine.host, DOCKER_CONFIG: engine.dockerConfig });

/** An id, from a command's output or a JSON answer. */
function saveable(stdout: string): string {
  return /"Id":"([^"]+)"/.exec(stdout)?.[1] ?? stdout.trim();
}

function fill(text: string, saved: ReadonlyMap<string, string>): string {
  return text.replace(/\$([A-Z]+)/g, (all, name: string) => saved.get(name) ?? all);
}

async function one(engine: Engine, step: Step, saved: ReadonlyMap<string, string>): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  if ('docker' in step) {
    return run('docker', step.docker.map((word) => fill(word, saved)), { env: env(engine), ...(step.input === undefined ? {} : { input: step.input }) });
  }
  const [method, path] = step.api;
  return call(engine, method, fill(path, saved), step.rawBody ?? (step.body === undefined ? undefined : fill(JSON.stringify(step.body), saved)), step.headers ?? {});
}

function call(engine: Engine, method: string, path: string, body: string | undefined, headers: Readonly<Record<string, string>>): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const req = request(
      { socketPath: engine.host.slice('unix://'.length), method, path, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }), ...headers }, timeout: 30_000 },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        // The media type is part of what clients go by.
        res.on('end', () => resolve({ code: res.statusCode ?? 0, stdout: Buffer.concat(chunks).toString(), stderr: res.headers['content-type'] ?? '' }));
      },
    );
    req.on('error', reject);
    req.on('timeout', () => req.destroy(new Error('no answer in time')));
    req.end(body);
  });
}
