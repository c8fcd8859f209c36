import { spawn } from 'node:child_process';

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly cwd?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Runs a program to its end. A program that does not end in time is killed, and that is an error. */
export function run(program: string, args: readonly string[], o: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...o.env }, cwd: o.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(o.input ?? '');
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${program} ${args.join(' ')} did not end in time; it said: ${Buffer.concat(out).toString()}${Buffer.concat(err).toString()}`));
    }, o.timeout ?? 50_000);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** Runs a program that must succeed, and returns what it wrote. */
export async function ok(program: string, args: readonly string[], o: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, o);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code ?? 'none'}: ${stderr}${stdout}`);
  return stdout;
}

/** Polls until it is so; for what the kernel does in its own time. */
export async function eventually<T>(look: () => Promise<T> | T, good: (value: T) => boolean, milliseconds = 5000): Promise<T> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const value = await look();
    if (good(value)) return value;
    if (performance.now() > deadline) throw new Error(`not so after ${milliseconds} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
