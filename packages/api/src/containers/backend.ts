import type {
  ContainerCreateRequest, ContainerCreateResponse, ContainerInspectResponse, ContainerSummary, ContainerWaitResponse, WaitCondition,
} from '@gantry/api-types';
import type { Filters } from '../http/filters.ts';
import type { AttachedStreams } from '../http/streams.ts';

export interface ContainerListQuery {
  /** Also those that do not run. */
  readonly all: boolean;
  /** Only so many of the newest, running or not. */
  readonly limit?: number;
  /** Count bytes, in `SizeRw` and `SizeRootFs`. */
  readonly size: boolean;
  readonly filters: Filters;
}

export interface ContainerCreateCall {
  /** Absent: the engine chooses. Not yet checked. */
  readonly name?: string;
  /** `linux/arm64`; absent: this machine's. Not yet checked. */
  readonly platform?: string;
  /** What is absent takes its default. */
  readonly body: ContainerCreateRequest & { readonly Image: string };
}

export interface StopOptions {
  /** Absent: the container's own. */
  readonly signal?: string;
  /** Seconds until SIGKILL; -1: never. Absent: the container's own. */
  readonly timeout?: number;
}

export interface AttachQuery {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What the log already has comes first. */
  readonly logs: boolean;
  /** False: only what is there now. */
  readonly stream: boolean;
  /** `ctrl-p,ctrl-q`; absent: the default. */
  readonly detachKeys?: string;
}

export interface LogsQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Nanoseconds of Unix time. */
  readonly since?: bigint;
  /** Nanoseconds of Unix time. */
  readonly until?: bigint;
  /** Entries from the end; absent: all. */
  readonly tail?: number;
  /** Ends the iteration. */
  readonly signal: AbortSignal;
}

/** What was logged at once: a line with its end, or a part of a long one without. */
export interface LogLine {
  /** RFC 3339 with nine digits. */
  readonly at: string;
  readonly fd: 1 | 2;
  readonly data: Uint8Array;
}

export interface LogStream {
  /** With one there is no telling stdout and stderr apart. */
  readonly terminal: boolean;
  readonly lines: AsyncIterable<LogLine>;
}

export interface WaitQuery {
  readonly condition: WaitCondition;
  /** The client left: waiting ends. */
  readonly signal: AbortSignal;
  /** To be called once the condition is watched: the client may then start the container. */
  readonly onWaiting: () => void;
}

/** Rows and columns of a terminal. */
export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/**
 * What the routes of containers need. `id` is a name, an ID or a prefix of one; each method rejects with `notFound` for
 * one that names none. A method without a signal is carried through, whatever becomes of its client.
 */
export interface ContainersBackend {
  list(query: ContainerListQuery): Promise<readonly ContainerSummary[]>;
  /** @throws GantryError notFound (image), conflict (name), invalid, notImplemented */
  create(call: ContainerCreateCall): Promise<ContainerCreateResponse>;
  inspect(id: string, o: { readonly size: boolean }): Promise<ContainerInspectResponse>;
  /** @throws GantryError notModified; invalid where the program cannot run */
  start(id: string): Promise<void>;
  /** @throws GantryError notModified */
  stop(id: string, o: StopOptions): Promise<void>;
  restart(id: string, o: StopOptions): Promise<void>;
  /** `signal`: a name or number; empty: SIGKILL. @throws GantryError conflict */
  kill(id: string, signal: string): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  resize(id: string, size: TerminalSize): Promise<void>;
  wait(id: string, query: WaitQuery): Promise<ContainerWaitResponse>;
  /** @throws GantryError conflict */
  remove(id: string, o: { readonly force: boolean; readonly volumes: boolean }): Promise<void>;
  /** Resolves once it is attached: what is written after that is not missed. */
  attach(id: string, query: AttachQuery): Promise<AttachedStreams>;
  logs(id: string, query: LogsQuery): Promise<LogStream>;
}
