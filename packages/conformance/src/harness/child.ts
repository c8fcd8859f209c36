import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A line that a child wrote. */
export type Progress = { readonly type: 'begin' | 'end'; readonly step: number };

/**
 * A process that runs steps, to be killed in the middle of one. It says what it begins and what it has ended by synchronous
 * writes, so that what was said is true whenever it dies.
 */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;

  /** @param worker Name of a `<name>.worker` module of this package. @param input Plain data for it. */
  constructor(worker: string, input: object) {
    const path = workerPath(worker);
    const source = path.endsWith('.ts') ? ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning'] : [];
    this.#process = spawn(process.execPath, [...source, path, JSON.stringify(input)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.#exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (code, signal) => resolve({ code, signal, stderr }));
    });
  }

  /** What it says, until it ends. */
  async *progress(): AsyncGenerator<Progress, void, undefined> {
    if (this.#process.stdout === null) return;
    for await (const line of createInterface({ input: this.#process.stdout })) {
      const [type, step] = line.split(' ');
      if (type === 'begin' || type === 'end') yield { type, step: Number(step) };
    }
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** @throws Error: it failed by itself. */
  async ended(): Promise<void> {
    const { code, signal, stderr } = await this.#exited;
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the child process failed:\n${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#exited;
  }
}

/** Beside this file once bundled, one folder up in the sources. */
function workerPath(name: string): string {
  const candidates = ['./', '../'].flatMap((folder) => ['js', 'ts'].map((ext) => fileURLToPath(new URL(`${folder}${name}.worker.${ext}`, import.meta.url))));
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`${name}.worker is missing from @gantry/conformance: install it again`);
  return path;
}
