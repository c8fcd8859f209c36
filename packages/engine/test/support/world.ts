import type { Exit, Layer, LogEntry, Snapshot, State, CreateRequest, SandboxRequest } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';

/** A container as the in-memory runtime keeps it: it outlives the engine, as one of a keeper would. */
export interface Run {
  readonly request: CreateRequest;
  state: State;
  readonly exited: PromiseWithResolvers<Exit>;
  readonly execs: Map<string, { readonly args: readonly string[]; readonly exited: PromiseWithResolvers<Exit>; exit?: Exit }>;
  readonly listeners: Set<(chunk: { fd: 1 | 2; data: Uint8Array } | null) => void>;
  readonly typed: string[];
}

export type Fault = (call: string) => void | Promise<void>;

/**
 * The machine behind the in-memory drivers: what is in it stays when an engine ends, however it ends. Each call of a
 * driver is counted, so that a test can end the engine at any of them.
 */
export class World {
  readonly layers: Map<string, Layer> = new Map<string, Layer>();
  readonly ingests: Map<string, { readonly diffId: Layer['diffId']; readonly bytes: number }> = new Map<string, { readonly diffId: Layer['diffId']; readonly bytes: number }>();
  readonly snapshots: Map<string, Snapshot> = new Map<string, Snapshot>();
  readonly sandboxes: Map<string, SandboxRequest> = new Map<string, SandboxRequest>();
  readonly runs: Map<string, Run> = new Map<string, Run>();
  readonly logs: Map<string, LogEntry[]> = new Map<string, LogEntry[]>();
  readonly folders: Set<string> = new Set<string>();
  readonly files: Map<string, string> = new Map<string, string>();
  /** Files of every image's tree. */
  readonly imageFiles: Map<string, string> = new Map<string, string>([
    ['/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\n'],
    ['/etc/group', 'root:x:0:\nweb:x:33:\nextra:x:44:web\n'],
  ]);
  readonly calls: string[] = [];
  /** Before each call; may throw what the call then rejects with. */
  fault: Fault = () => undefined;
  #crashAt = Infinity;
  #crashed = Promise.withResolvers<undefined>();
  #generation = 0;
  #dead = -1;

  /** For a set of drivers that an engine opens. */
  begin(): number {
    this.#generation += 1;
    return this.#generation;
  }

  /** The call with that number, counted from now, never happens, and no later one of that engine does: as by SIGKILL. */
  crashAt(n: number): Promise<undefined> {
    this.calls.length = 0;
    this.#crashAt = n;
    this.#crashed = Promise.withResolvers<undefined>();
    return this.#crashed.promise;
  }

  isDead(generation: number): boolean {
    return generation <= this.#dead;
  }

  async enter(generation: number, call: string): Promise<void> {
    if (this.isDead(generation)) await never();
    if (this.calls.length === this.#crashAt) {
      this.#dead = this.#generation;
      this.#crashAt = Infinity;
      this.#crashed.resolve(undefined);
      await never();
    }
    this.calls.push(call);
    await this.fault(call);
  }

  /** Ends a container's program, as it would end by itself or by a signal. */
  exit(id: string, code: number, oomKilled = false): void {
    const run = this.runs.get(id);
    if (run === undefined || run.state.status === 'stopped') return;
    const exit: Exit = { code, oomKilled, at: new Date().toISOString() };
    const { id: same, token, sandbox, startedAt, execs, keeper } = run.state;
    run.state = { id: same, token, sandbox, execs, keeper, ...(startedAt === undefined ? {} : { startedAt }), status: 'stopped', exit };
    for (const listener of run.listeners) listener(null);
    run.exited.resolve(exit);
  }

  write(id: string, fd: 1 | 2, text: string): void {
    const data = Buffer.from(text);
    for (const listener of this.runs.get(id)?.listeners ?? []) listener({ fd, data });
    const log = this.logs.get(id) ?? [];
    this.logs.set(id, log);
    log.push({ at: new Date().toISOString(), fd, line: data });
  }

  /** The machine goes down and comes up again: what ran is gone, without a word. */
  reboot(): void {
    this.runs.clear();
    this.sandboxes.clear();
  }

  /** Everything that containers and pulls have left here, by name. */
  leftovers(): string[] {
    return [
      ...[...this.snapshots.keys()].map((key) => `snapshot ${key}`),
      ...[...this.sandboxes.keys()].map((key) => `sandbox ${key}`),
      ...[...this.runs.keys()].map((key) => `run ${key}`),
      ...[...this.logs.keys()].map((key) => `log ${key}`),
      ...[...this.folders].filter((key) => key !== 'container-files').map((key) => `folder ${key}`),
      ...[...this.files.keys()].map((path) => `file ${path}`),
      ...[...this.ingests.keys()].map((key) => `ingest ${key}`),
    ];
  }
}

export function never(): Promise<never> {
  return new Promise(() => undefined);
}

export function notFound(what: string): GantryError {
  return new GantryError('notFound', 'not-found', `there is no ${what}`);
}

export function conflict(why: string): GantryError {
  return new GantryError('conflict', 'conflict', why);
}

/** For streams that have nothing to say. */
export async function* nothing(): AsyncGenerator<never> {
  yield* [];
}
