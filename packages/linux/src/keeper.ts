import type {
  AttachRequest,
  CgroupWrite,
  CreateRequest,
  ExecRequest,
  ExitRecord,
  KeeperEvent,
  KeeperState,
  LogSinkWire,
} from './protocol.ts';

/** Output of a process as a client of it gets it. */
export interface OutputChunk {
  readonly fd: 1 | 2;
  readonly data: Uint8Array;
}

/** Standard input of a process. */
export interface StdinWriter {
  /** Resolves when more may be written (back-pressure). @throws GantryError conflict `stdin-closed`: the process closed it, or ended. */
  write(data: Uint8Array): Promise<void>;
  /** The process reads end of file once it has read all. */
  end(): Promise<void>;
}

/** One client on the streams of a process. Dispose detaches; the process goes on. */
export interface Attachment extends AsyncDisposable {
  /** Present if it was asked for. */
  readonly stdin?: StdinWriter;
  /**
   * Can be iterated once. Ends when both outputs have ended and all was read; not reading it stalls a lossless process.
   *
   * @throws GantryError exhausted `attach-cut`: not lossless, and too slow. unavailable `native-lost`: the keeper is gone.
   */
  readonly output: AsyncIterable<OutputChunk>;
}

/** A connection to one keeper. Dispose closes the connection; the keeper and its container go on. */
export interface Keeper extends AsyncDisposable {
  readonly key: string;
  /** The folder with its socket, exit.json and execs/. */
  readonly dir: string;
  /** Of the keeper itself. */
  readonly pid: number;
  /** Of the binary it was started from. */
  readonly build: string;
  /** The version of the protocol that it speaks with us. */
  readonly version: number;
  /** Resolves when the connection has ended: the keeper is gone, or this was disposed of. Never rejects. */
  readonly closed: Promise<void>;

  /** Sets up the container, all but exec. Repeatable with the same token. @returns the pid of its first process, on the host. @throws conflict: another token. os errors with `details.step`. */
  create(r: CreateRequest): Promise<{ readonly pid: number }>;

  /** @throws invalid `exec-failed`, `details.exitCode` 126 or 127. conflict: not in state `created`. notFound: the exec. */
  start(execId?: string): Promise<{ readonly pid: number; readonly startedAt: string }>;

  /** A further process, held before its exec until `start(execId)`. @throws conflict: not running, or the id is taken. */
  exec(r: ExecRequest): Promise<{ readonly pid: number }>;

  /** `all`: every process in the cgroup. @throws conflict `not-running`. notFound: the exec. */
  kill(signal: number, o?: { readonly execId?: string; readonly all?: boolean }): Promise<void>;

  /** Output from the moment it resolves. @throws conflict `not-running`: it has ended. */
  attach(r: AttachRequest): Promise<Attachment>;

  /** @throws conflict: no terminal. */
  resize(size: { readonly rows: number; readonly cols: number }, execId?: string): Promise<void>;

  /** From the next entry on; no entry is lost or doubled. */
  setLog(log: LogSinkWire): Promise<void>;

  state(): Promise<KeeperState>;

  /** What happened so far, then what happens; ends when the keeper does, when this is disposed of, or by `return()`. */
  watch(): AsyncIterable<KeeperEvent>;

  /** Writes files of the cgroup, in order, stopping at the first that fails. */
  write(writes: readonly CgroupWrite[]): Promise<void>;

  /**
   * Which devices processes in the group of version 2 may use: a program of type BPF_PROG_TYPE_CGROUP_DEVICE, in the place of
   * the one before. Version 1 has files for it: `write`.
   *
   * @throws invalid: no group of version 2. os errors: the kernel refuses the program.
   */
  devices(program: Uint8Array): Promise<void>;

  /** Drops a finished exec's record. Absent: resolves. @throws conflict: it runs. */
  forget(execId: string): Promise<void>;

  /**
   * Ends the keeper: removes cgroups, pins, socket. `exit.json` stays.
   *
   * @returns how the container ended; `null`: it was never started.
   * @throws conflict: running, without `force`.
   */
  delete(o?: { readonly force?: boolean }): Promise<ExitRecord | null>;
}
