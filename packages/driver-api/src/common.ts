/** The last argument of every method that can take long. */
export interface Call {
  /** Counts until the commit point of the call: from then on the call finishes. Rejects with kind `aborted`. */
  readonly signal?: AbortSignal;
}

/** A byte stream, pulled by its consumer. `return()` frees what stands behind it. A chunk belongs to the consumer. */
export type Bytes = AsyncIterable<Uint8Array>;

/** RFC 3339 in UTC, with up to nine digits of a second. */
export type Time = string;

/** The engine's choice: the chain ID if it is known, else `u:<ulid>`. Never a path: drivers store under a hash of it. */
export type LayerId = string & { __layer: 1 };

/** Names to values, as clients give them: both are untrusted text. */
export type Strings = Record<string, string>;

/** `size` consecutive ids that start at `container` inside and at `host` outside. */
export type IdRange = { container: number; host: number; size: number };

/** The ids of a user namespace. Ranges do not overlap, on either side. */
export type IdMap = { uid: IdRange[]; gid: IdRange[] };

/** One mount, in the terms of the OCI runtime specification ("Mounts"). */
export interface Mount {
  /** File system type, or `bind`. */
  readonly type: string;
  /** Absolute path in the domain, or whatever the type takes for a source. */
  readonly source: string;
  /** Absolute path inside the container or tree; absent: the root. */
  readonly target?: string;
  /** As of mount(8), one option each: `ro`, `rbind`, `lowerdir=...`. */
  readonly options: string[];
}

/** An injected structured logger. `o` is plain data; `m` is one sentence for humans. */
export interface Logger {
  /** For the developer of the driver. */
  debug(o: object, m: string): void;
  /** What an operator wants to see once. */
  info(o: object, m: string): void;
  /** Something is wrong, and the driver went on. */
  warn(o: object, m: string): void;
  /** Something failed that no caller is told of. What is thrown is not logged as well. */
  error(o: object, m: string): void;
  /** A logger that adds `b` to every entry. */
  child(b: object): Logger;
}

/** One thing that `check()` found. */
export interface CheckFinding {
  /** What it is about: a layer, snapshot, volume, container, or a name the driver does not know. */
  readonly id: string;
  /** Kebab-case, stable. */
  readonly code: string;
  /** For humans: what is wrong, what to do next. */
  readonly message: string;
  /** True only if `repair` was asked for and the thing is right now. */
  readonly repaired: boolean;
}

/**
 * What every driver promises, whatever its kind:
 *
 * - **G1** Methods reject only with `GantryError`. An id that does not exist is kind `notFound`; a method behind a
 *   capability that is declared false is kind `notImplemented`.
 * - **G2** Making the same id again with equal arguments returns what exists; with other arguments: kind `conflict`.
 * - **G3** `remove`, `release`, `detach` and their like resolve when the thing is absent already.
 * - **G4** Each call is atomic: after an error, a SIGKILL or a power cut at any instant it either happened or did not,
 *   and what was resolved before stays so.
 * - **G5** Calls on different ids run in parallel; calls on one id are carried out one after another.
 *
 * Values that cross the seam are plain data, byte streams and signals, so that a driver can live in another process.
 * Strings that came from clients are never joined to paths. `[Symbol.asyncDispose]` closes handles only: containers,
 * mounts and links outlive it; calls that are still running end with kind `aborted` or finish; later calls reject with
 * kind `unavailable`.
 */
export interface Driver extends AsyncDisposable {
  /** The plugin's name: `overlay`, `bridge`, `linux`. */
  readonly name: string;
  /** Where its paths, namespaces and mounts mean something: `local`, `wsl:gantry`. Drivers used together share one. */
  readonly domain: string;
  /** Names and values for humans, shown by `info`: versions, file system, features. */
  status(): Promise<[string, string][]>;
  /**
   * Compares the driver's records with what is there, and yields what is wrong; nothing when all is well. With
   * `repair`, rights what can be righted without losing anything that was promised.
   */
  check(o?: Call & { repair?: boolean }): AsyncIterable<CheckFinding>;
}

/** What a driver is given by the composition root; it reads no environment and no other global. */
export interface DriverContext {
  /** 8 hexadecimal digits made from the data root: the prefix of every kernel-global name (links, tables, cgroups). */
  readonly instance: string;
  /** This engine process. Holders that start with `tmp:<session>:` end with it, also in a driver process that lives longer. */
  readonly session: string;
  /** Changes with every boot of the machine: mounts and processes of another boot are gone. */
  readonly bootId: string;
  /** See `Driver.domain`. */
  readonly domain: string;
  /** Absolute, exists, mode 0700, for this driver alone; survives a reboot. */
  readonly stateDir: string;
  /** Absolute, exists, mode 0700, one for all drivers of this instance; may be emptied by a reboot. Short, since the path of a socket has at most 108 bytes. */
  readonly runDir: string;
  /** Already bound to the driver's name. */
  readonly log: Logger;
  /** Fires when the composition root stops for good: what runs in the background ends. */
  readonly signal: AbortSignal;
}
