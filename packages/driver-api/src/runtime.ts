import type { OciProcess, OciSpec } from '@gantry/oci';
import type { Call, Driver, IdMap, Mount, Strings, Time } from './common.ts';
import type { LogEntry, LogSink } from './log.ts';

export type Ns = 'net' | 'ipc' | 'uts' | 'pid' | 'user' | 'cgroup';
export interface Runtime extends Driver {
  readonly capabilities: { pause: boolean; update: boolean; checkpoint: boolean; pool: boolean; cgroup: 'v1' | 'v2' | 'none'; features: object };
  /** Namespaces without a container, pinned by path, maybe from the pool. Equal arguments: returns what exists. */
  openSandbox(r: SandboxRequest, o?: Call): Promise<Sandbox>;
  /** Conflict: containers inside (a stopped one counts until delete()) */
  closeSandbox(id: string): Promise<void>;
  /** Same id and token: returns what exists (lost reply); other token: conflict. */
  create(r: CreateRequest, o?: Call): Promise<State>;
  /** A program that cannot be executed rejects with kind invalid and details.exitCode 126 or 127 (never notFound, which means the id);
   *  the container is then stopped with that exit. A stopped container is never started again: delete(), then create() with a new token. */
  start(id: string, execId?: string): Promise<State>;
  /** Held before exec until start(), so that attach() misses nothing. */
  exec(id: string, execId: string, p: OciProcess, io: Io, o?: Call): Promise<{ pid: number }>;
  kill(id: string, signal: number, o?: { execId?: string; all?: boolean }): Promise<void>;
  /** Output from the moment it resolves, no replay (the engine reads the log for that). Several may hold stdin; closing stdin is a half-close; dispose detaches.
   *  lossless: a slow reader stalls the process (run -i); else it is cut off with `exhausted` after bufferBytes. */
  attach(id: string, o: Call & { execId?: string; stdin: boolean; lossless: boolean; bufferBytes: number }): Promise<Attached>;
  resize(id: string, size: Size, execId?: string): Promise<void>;
  /** Live */
  setLog(id: string, sink: LogSink): Promise<void>;
  /** Entries of a log of format 'frames', for drivers that drain it; trimLog takes such a cursor. */
  spool(id: string, o?: Call & { after?: string }): AsyncIterable<{ cursor: string; entry: LogEntry }>;
  trimLog(id: string, upTo: string): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, r: object): Promise<State>;
  /** dir in this domain. leave: goes on running. */
  checkpoint(id: string, to: { dir: string; leave: boolean }, o?: Call): Promise<void>;
  stats(id: string, o?: Call): Promise<Stats>;
  pids(id: string): Promise<number[]>;
  wait(id: string, o?: Call & { execId?: string }): Promise<Exit>;
  /** Running without force: conflict; null: absent or never started */
  delete(id: string, o?: { execId?: string; force?: boolean }): Promise<Exit | null>;
  state(id: string): Promise<State>;
  list(o?: Call): AsyncIterable<State>;
  /** Without after: everything retained; then follows. An event is kept until its container is deleted and a later cursor was passed as after; an unknown cursor replays all. */
  events(o?: Call & { after?: string }): AsyncIterable<RuntimeEvent>;
}
/** 'pid' cannot be pinned without a process: it only makes the slot's waiting process PID 1 of the first container and has no path in Sandbox.
 *  A namespace with a path in the spec (container: modes) wins over the sandbox's. A restart opens a new sandbox. */
export interface SandboxRequest {
  readonly id: string;
  readonly namespaces: Ns[];
  readonly idmap?: IdMap;
  readonly hostname?: string;
  readonly sysctls: Strings;
  readonly cgroupParent?: string;
  readonly resolver?: { socket: string } /* DNS, TCP framing, from 127.0.0.11:53 inside */
}
export interface Sandbox {
  readonly id: string;
  readonly namespaces: Partial<Record<Ns, string>>;
}
export interface CreateRequest {
  readonly id: string;
  readonly token: string;
  readonly sandbox: string;
  readonly spec: OciSpec;
  readonly rootfs: { path: string } | { mounts: Mount[] };
  readonly io: Io;
  readonly restore?: { dir: string };
  readonly options: Record<string, unknown>;
}
export interface Size {
  readonly rows: number;
  readonly cols: number;
}
export interface Io {
  readonly terminal: boolean;
  readonly size?: Size;
  readonly stdin: boolean;
  readonly stdinOnce?: boolean;
  readonly log?: LogSink;
}
export interface Attached extends AsyncDisposable {
  readonly stdin?: WritableStream<Uint8Array>;
  readonly output: AsyncIterable<{ fd: 1 | 2; data: Uint8Array }>;
}
export interface State {
  readonly id: string;
  readonly token: string;
  readonly sandbox: string;
  readonly status: 'created' | 'running' | 'paused' | 'stopped';
  readonly pid?: number;
  readonly startedAt?: Time;
  readonly exit?: Exit;
  readonly execs: { id: string; status: string; exit?: Exit }[];
  readonly keeper: { version: string };
}
export interface Exit {
  readonly code: number;
  readonly oomKilled: boolean;
  readonly at: Time;
  readonly lost?: 'keeper' | 'reboot';
}
export interface RuntimeEvent {
  readonly cursor: string;
  readonly id: string;
  readonly execId?: string;
  readonly at: Time;
  readonly type: 'create' | 'start' | 'exit' | 'delete' | 'pause' | 'resume' | 'oom';
  readonly exit?: Exit;
}
export interface Stats {
  readonly at: Time;
  readonly cpu: { ns: number; userNs: number; systemNs: number; perCpuNs?: number[]; periods: number; throttled: number; throttledNs: number };
  readonly memory: { bytes: number; limit: number; peak?: number; stat: Record<string, number> };
  readonly pids: { now: number; limit?: number };
  readonly io: { major: number; minor: number; op: string; bytes: number; count: number }[];
}
