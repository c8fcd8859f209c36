import type { Call, LogEntry } from '@gantry/driver-api';
import type { Descriptor, Platform } from '@gantry/oci';
import type { ContainerConfig, CreateContainer } from './container-config.ts';
import type { Time } from './given.ts';

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface ContainerState {
  readonly status: ContainerStatus;
  /** On the containers' machine; 0: none. */
  readonly pid: number;
  /** Of the last run; 0 before the first. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why the last start failed; empty: it did not. */
  readonly error: string;
  readonly startedAt: Time | null;
  readonly finishedAt: Time | null;
}

export interface ContainerImage {
  /** As the creator wrote it. */
  readonly reference: string;
  /** The image's id: digest of what the reference named. */
  readonly id: string;
  /** The variant for the container's platform. */
  readonly manifest: Descriptor;
}

/** One row of `list`. */
export interface ContainerSummary {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
  readonly createdAt: Time;
  readonly image: ContainerImage;
  /** The program. */
  readonly path: string;
  readonly args: readonly string[];
  readonly state: ContainerState;
  readonly config: ContainerConfig;
  /** Bytes that the container wrote; only with `size`. */
  readonly sizeRw?: number;
  /** Bytes of its image's layers and what it wrote; only with `size`. */
  readonly sizeRootFs?: number;
}

export interface ContainerDetails extends ContainerSummary {
  readonly platform: Platform;
  readonly restartCount: number;
  readonly storageDriver: string;
  /** Layers below what the container writes, topmost last. */
  readonly layerChain: string | null;
  /** On the containers' machine; absent: the log driver keeps no file. */
  readonly logPath?: string;
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
  /** Of execs that run. */
  readonly execIds: readonly string[];
}

/** Every given member must hold; within one list any entry may. */
export interface ContainerFilter {
  readonly ids?: readonly string[] | undefined;
  /** Parts of names; `^` and `$` anchor. */
  readonly names?: readonly string[] | undefined;
  /** `key` or `key=value`; all must hold. */
  readonly labels?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly exitCodes?: readonly number[] | undefined;
  /** References or ids of images. */
  readonly ancestors?: readonly string[] | undefined;
  /** Created before or after that container. */
  readonly before?: string | undefined;
  readonly since?: string | undefined;
  readonly networks?: readonly string[] | undefined;
}

export interface ListContainers {
  /** Also those that do not run. Implied by filters on status or exit code. */
  readonly all?: boolean | undefined;
  /** Only so many, the newest. */
  readonly limit?: number | undefined;
  readonly size?: boolean | undefined;
  readonly filter?: ContainerFilter | undefined;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  readonly exitCode: number;
  /** Why waiting for `removed` failed. */
  readonly error?: string;
}

export interface AttachContainer extends Call {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What the log already has comes first. */
  readonly logs?: boolean | undefined;
  /** False: only what is there now, then the end. Default true. */
  readonly follow?: boolean | undefined;
  /** `ctrl-p,ctrl-q`; on a terminal only. Empty or absent: that default. */
  readonly detachKeys?: string | undefined;
  /** True (default): a slow reader stalls the container. False: it is cut off with `exhausted`. */
  readonly lossless?: boolean | undefined;
}

/** Live streams of a container or exec. Disposing detaches and ends nothing else. */
export interface ContainerStreams extends AsyncDisposable {
  readonly terminal: boolean;
  /** Closing it is a half-close; absent: `stdin` was not asked for or the container has none. */
  readonly stdin?: WritableStream<Uint8Array>;
  /** Ends with the process, or with detaching. With a terminal everything is fd 1. */
  readonly output: AsyncIterable<{ readonly fd: 1 | 2; readonly data: Uint8Array }>;
}

export interface ReadLogs extends Call {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow?: boolean | undefined;
  readonly since?: Time | undefined;
  readonly until?: Time | undefined;
  /** Last entries; absent: all. */
  readonly tail?: number | undefined;
}

export interface CreatedContainer {
  readonly id: string;
  readonly name: string;
  /** For the person who made it. */
  readonly warnings: readonly string[];
}

/**
 * Containers. `ref` is a name, an id, or a prefix of one that names one container alone.
 * Every method rejects with `notFound` `no-such-container` for a ref that names none, and with `invalid`
 * `ambiguous-id` for a prefix of several.
 */
export interface Containers {
  /**
   * Makes a container from an image that is here; nothing runs yet. Everything is checked before anything is made.
   * @throws GantryError notFound `no-such-image`; conflict `name-in-use`; invalid; notImplemented `not-yet`.
   */
  create(request: CreateContainer, o?: Call): Promise<CreatedContainer>;
  /**
   * Starts it. Repeatable: `notModified` `already-started` if it runs.
   * @throws GantryError invalid `program-not-found` or `program-not-executable` with `details.exitCode` 126 or 127: the program cannot be executed.
   */
  start(ref: string, o?: Call): Promise<void>;
  /**
   * Stop signal, then after `timeout` seconds (absent: the container's, else 10; -1: never) SIGKILL. Resolves when it
   * has ended. @throws GantryError notModified `already-stopped`.
   */
  stop(ref: string, o?: Call & { readonly timeout?: number | undefined; readonly stopSignal?: string | undefined }): Promise<void>;
  /** stop() if it runs, then start(). */
  restart(ref: string, o?: Call & { readonly timeout?: number | undefined; readonly stopSignal?: string | undefined }): Promise<void>;
  /** `signal`: name or number; empty: SIGKILL. @throws GantryError conflict `not-running`. */
  kill(ref: string, signal?: string): Promise<void>;
  /** `onWaiting` is called once the condition is watched: what happens after it is not missed. */
  wait(ref: string, o?: Call & { readonly condition?: WaitCondition | undefined; readonly onWaiting?: (() => void) | undefined }): Promise<WaitResult>;
  /**
   * With what it wrote and its log.
   * @throws GantryError conflict `container-running` without force; conflict `removal-in-progress`.
   */
  remove(ref: string, o?: { readonly force?: boolean | undefined; readonly volumes?: boolean | undefined }): Promise<void>;
  /** From a snapshot that no stuck container can hold up. Newest first. */
  list(o?: ListContainers): Promise<readonly ContainerSummary[]>;
  inspect(ref: string, o?: { readonly size?: boolean | undefined }): Promise<ContainerDetails>;
  /** @throws GantryError notImplemented `log-not-readable`. */
  logs(ref: string, o: ReadLogs): AsyncIterable<LogEntry>;
  /** Before a start too: then it misses nothing of the run. @throws GantryError conflict `not-running` where it has ended. */
  attach(ref: string, o: AttachContainer): Promise<ContainerStreams>;
  /** Of the terminal. @throws GantryError conflict `not-running`. */
  resize(ref: string, size: { readonly rows: number; readonly cols: number }): Promise<void>;
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  /** @throws GantryError conflict `name-in-use`. */
  rename(ref: string, name: string): Promise<void>;
  /** The full id. */
  find(ref: string): Promise<string>;
}
