import type { OciProcess, OciSpec } from '@gantry/oci';
import type { Call, Driver, IdMap, Mount, Strings, Time } from './common.ts';
import type { LogEntry, LogSink } from './log.ts';

/** A namespace that a sandbox can have of its own. */
export type Ns = 'net' | 'ipc' | 'uts' | 'pid' | 'user' | 'cgroup';

/** What a runtime can do. */
export interface RuntimeCapabilities {
  /** `pause()` and `resume()` are understood. */
  readonly pause: boolean;
  /** `update()` is understood. */
  readonly update: boolean;
  /** `checkpoint()` and `restore` are understood. */
  readonly checkpoint: boolean;
  /** Sandboxes are made ahead. */
  readonly pool: boolean;
  readonly cgroup: 'v1' | 'v2' | 'none';
  /** As of the OCI runtime specification, "Features Structure". */
  readonly features: object;
}

/**
 * Sandboxes (namespaces without a program) and the containers inside them. A container outlives the engine: its keeper
 * holds its streams, its log and its exit, and a runtime that is opened later finds it again.
 */
export interface Runtime extends Driver {
  /** Constant for the life of the driver. */
  readonly capabilities: RuntimeCapabilities;

  /** Namespaces without a container, pinned by path, maybe from the pool. @throws conflict. invalid */
  openSandbox(r: SandboxRequest, o?: Call): Promise<Sandbox>;

  /** Resolves when absent (G3). @throws conflict: containers are inside; a stopped one counts until `delete()`. */
  closeSandbox(id: string): Promise<void>;

  /** Makes a container, up to but not including the exec of its program. The same id and token: returns what exists (the answer was lost). @throws conflict: another token. notFound: the sandbox. invalid: the spec. */
  create(r: CreateRequest, o?: Call): Promise<State>;

  /**
   * Lets the program, or that exec, run. A stopped container is never started again: `delete()`, then `create()` with a
   * new token.
   *
   * @throws invalid, with `details.exitCode` 126 or 127: the program cannot be executed; the container is then stopped
   *   with that exit. notFound: the id, nothing else. conflict: it is not in state `created`.
   */
  start(id: string, execId?: string): Promise<State>;

  /** A further process in a running container, held before its exec until `start()`, so that `attach()` misses nothing. @throws notFound. conflict: not running, or the exec's id is taken. */
  exec(id: string, execId: string, p: OciProcess, io: Io, o?: Call): Promise<{ pid: number }>;

  /** @param signal Its number. @param o.all Every process of the container. @throws notFound. conflict: not running. */
  kill(id: string, signal: number, o?: { execId?: string; all?: boolean }): Promise<void>;

  /**
   * Output from the moment it resolves, without replay: for that the engine reads the log. Several may hold standard
   * input; closing `stdin` is a half-close; dispose detaches.
   *
   * @param o.lossless A slow reader stalls the process (`run -i`); else it is cut off with kind `exhausted` once it is
   *   `bufferBytes` behind.
   * @throws notFound. conflict: it has ended.
   */
  attach(id: string, o: Call & { execId?: string; stdin: boolean; lossless: boolean; bufferBytes: number }): Promise<Attached>;

  /** @throws notFound. conflict: no terminal. */
  resize(id: string, size: Size, execId?: string): Promise<void>;

  /** Changes the log of a live container; no entry is lost or doubled. @throws notFound */
  setLog(id: string, sink: LogSink): Promise<void>;

  /** Entries of a log of format `frames`, for drivers that drain it. @throws notFound */
  spool(id: string, o?: Call & { after?: string }): AsyncIterable<{ cursor: string; entry: LogEntry }>;

  /** Drops what `spool()` has yielded up to this cursor. @throws notFound */
  trimLog(id: string, upTo: string): Promise<void>;

  /** @throws notFound. conflict: not running. notImplemented */
  pause(id: string): Promise<void>;

  /** @throws notFound. conflict: not paused. notImplemented */
  resume(id: string): Promise<void>;

  /** @param r As of the OCI runtime specification, `linux.resources`. @throws notFound. invalid. notImplemented */
  update(id: string, r: object): Promise<State>;

  /** @param to.dir In this domain. @param to.leave The container goes on. @throws notFound. notImplemented */
  checkpoint(id: string, to: { dir: string; leave: boolean }, o?: Call): Promise<void>;

  /** @throws notFound. conflict: not running. */
  stats(id: string, o?: Call): Promise<Stats>;

  /** Of the container's processes, on the host. @throws notFound */
  pids(id: string): Promise<number[]>;

  /** Resolves when the container, or that exec, has ended and its output has been read; at once if it ended before. @throws notFound */
  wait(id: string, o?: Call & { execId?: string }): Promise<Exit>;

  /** @returns `null`: absent, or never started. @throws conflict: running, without `force`. */
  delete(id: string, o?: { execId?: string; force?: boolean }): Promise<Exit | null>;

  /** @throws notFound */
  state(id: string): Promise<State>;

  /** All containers, in no order. */
  list(o?: Call): AsyncIterable<State>;

  /**
   * Without `after` everything that is retained, then what happens. An event is kept until its container is deleted and
   * a later cursor was passed as `after`; an unknown cursor replays all.
   */
  events(o?: Call & { after?: string }): AsyncIterable<RuntimeEvent>;
}

/** What a sandbox is to be. A restart of a container opens a new one. */
export interface SandboxRequest {
  readonly id: string;
  /**
   * Made new. `pid` cannot be pinned without a process: it only makes the slot's waiting process PID 1 of the first
   * container, and has no path in `Sandbox`. A namespace with a path in the spec (`container:` modes) wins over the sandbox's.
   */
  readonly namespaces: Ns[];
  readonly idmap?: IdMap;
  readonly hostname?: string;
  readonly sysctls: Strings;
  /** Absent: the runtime's own. */
  readonly cgroupParent?: string;
  /** DNS with TCP framing; relayed from 127.0.0.11:53 inside. */
  readonly resolver?: { socket: string };
}

/** What a sandbox is. */
export interface Sandbox {
  readonly id: string;
  /** Paths that pin them. */
  readonly namespaces: Partial<Record<Ns, string>>;
}

/** What a container is to be. */
export interface CreateRequest {
  readonly id: string;
  /** New for each life of the id, so that a repeated request is told from a new one. */
  readonly token: string;
  readonly sandbox: string;
  readonly spec: OciSpec;
  readonly rootfs: { path: string } | { mounts: Mount[] };
  readonly io: Io;
  /** A folder that `checkpoint()` filled. */
  readonly restore?: { dir: string };
  /** The runtime's own. */
  readonly options: Record<string, unknown>;
}

/** Of a terminal, in characters. */
export interface Size {
  readonly rows: number;
  readonly cols: number;
}

/** The streams of a process. */
export interface Io {
  /** One pseudo-terminal instead of three pipes. */
  readonly terminal: boolean;
  readonly size?: Size;
  /** Without it, standard input is /dev/null. */
  readonly stdin: boolean;
  /** Standard input ends when the first client that held it leaves. */
  readonly stdinOnce?: boolean;
  readonly log?: LogSink;
}

/** One client on the streams of a process. */
export interface Attached extends AsyncDisposable {
  /** Present if it was asked for and the process has one. */
  readonly stdin?: WritableStream<Uint8Array>;
  /** Ends when the process has ended and all was read. A terminal has `fd` 1 only. */
  readonly output: AsyncIterable<{ fd: 1 | 2; data: Uint8Array }>;
}

/** What a container is. */
export interface State {
  readonly id: string;
  readonly token: string;
  readonly sandbox: string;
  readonly status: 'created' | 'running' | 'paused' | 'stopped';
  /** On the host; absent once stopped. */
  readonly pid?: number;
  readonly startedAt?: Time;
  readonly exit?: Exit;
  readonly execs: { id: string; status: string; exit?: Exit }[];
  /** The release that its keeper is of. */
  readonly keeper: { version: string };
}

/** How a process ended. */
export interface Exit {
  /** 128 + the signal's number if a signal ended it. */
  readonly code: number;
  /** The kernel killed something in the container for want of memory. */
  readonly oomKilled: boolean;
  readonly at: Time;
  /** The code was not observed: its keeper died, or the machine went down. */
  readonly lost?: 'keeper' | 'reboot';
}

/** One thing that happened. */
export interface RuntimeEvent {
  /** Opaque; grows. */
  readonly cursor: string;
  readonly id: string;
  readonly execId?: string;
  readonly at: Time;
  readonly type: 'create' | 'start' | 'exit' | 'delete' | 'pause' | 'resume' | 'oom';
  readonly exit?: Exit;
}

/** Use of resources since the container exists. */
export interface Stats {
  readonly at: Time;
  /** Nanoseconds; `periods` and `throttled` are counts. */
  readonly cpu: { ns: number; userNs: number; systemNs: number; perCpuNs?: number[]; periods: number; throttled: number; throttledNs: number };
  /** Bytes; `stat` as the kernel's memory.stat names it. */
  readonly memory: { bytes: number; limit: number; peak?: number; stat: Record<string, number> };
  readonly pids: { now: number; limit?: number };
  /** One for each device and operation. */
  readonly io: { major: number; minor: number; op: string; bytes: number; count: number }[];
}
