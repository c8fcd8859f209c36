import type { Call, Driver, Strings, Time } from './common.ts';

/** What a log driver can do. */
export interface LogCapabilities {
  /** Who writes: the container's keeper into a file, or the engine, which drains that file through `write()`. */
  readonly by: 'keeper' | 'engine';
  /** `read()` is understood. */
  readonly read: boolean;
}

/** What becomes of a container's output. The keeper always writes a file; a driver says which, or takes it from there. */
export interface LogDriver extends Driver {
  /** Constant for the life of the driver. */
  readonly capabilities: LogCapabilities;

  /** Has no effect. @throws invalid: names the option. */
  validate(options: Strings): Promise<void>;

  /** Where and how the keeper writes. Equal arguments give an equal answer. @throws invalid */
  sink(t: LogTarget): Promise<LogSink>;

  /** For `by: 'engine'`: at least once. Resolved means accepted: then the engine moves its cursor and the spool is cut. @throws notImplemented. unavailable: try again later. */
  write(id: string, batch: LogEntry[], o?: Call): Promise<void>;

  /** Entries in order. A container without a log yields nothing. @throws notImplemented: capability `read` is false. */
  read(id: string, q: LogQuery, o?: Call): AsyncIterable<LogEntry>;

  /** Bytes on disk; 0 when there is no log. */
  usage(id: string): Promise<{ bytes: number }>;

  /** Deletes the log (G3). */
  remove(id: string): Promise<void>;
}

/** Whose output it is. */
export interface LogTarget {
  /** The container's id. */
  readonly id: string;
  /** As validated: `max-size`, `max-file`, ... */
  readonly options: Strings;
  /** Put into every entry. */
  readonly attrs: Strings;
  /** The container's folder in this domain, mode 0700. */
  readonly dir: string;
}

/** How the keeper writes a log. */
export interface LogSink {
  /** `json-file`: Docker's lines of JSON. `frames`: for drivers that drain it. `none`: nothing is written. */
  readonly format: 'json-file' | 'frames' | 'none';
  /** Absolute; older files are `path.1`, `path.2`, ... */
  readonly path: string;
  /** Rotated at the first entry boundary after so many bytes; 0: never. */
  readonly maxBytes: number;
  /** Files kept, the current one included. */
  readonly maxFiles: number;
  readonly attrs: Strings;
  /** When the buffer is full: `block` stalls the container, `drop` counts what it drops. */
  readonly full: 'block' | 'drop';
  /** Bytes held in memory while the disk is slow. */
  readonly bufferBytes: number;
}

/** One line of output, or a part of one. */
export interface LogEntry {
  readonly at: Time;
  /** 1: standard output, 2: standard error. */
  readonly fd: 1 | 2;
  /** As written by the container, with its newline if it had one. At most 16 KiB. */
  readonly line: Uint8Array;
  /** Parts of one line share `id`, counted from 1. */
  readonly partial?: { id: string; ordinal: number; last: boolean };
  readonly attrs?: Strings;
}

/** Which entries. */
export interface LogQuery {
  /** Inclusive. */
  readonly since?: Time;
  /** Exclusive. */
  readonly until?: Time;
  /** Only the last so many that match. */
  readonly tail?: number;
  /** Never ends by itself: after the exit event the engine aborts the signal; `read()` then yields what is already there, and ends without an error. */
  readonly follow: boolean;
  readonly fds: (1 | 2)[];
}
