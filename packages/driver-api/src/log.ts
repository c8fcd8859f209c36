import type { Call, Driver, Strings, Time } from './common.ts';

export interface LogDriver extends Driver {
  readonly capabilities: { by: 'keeper' | 'engine'; read: boolean };
  validate(options: Strings): Promise<void>;
  sink(t: LogTarget): Promise<LogSink>;
  /** by 'engine': at least once; resolved means accepted, then the engine moves its cursor and the spool is cut. */
  write(id: string, batch: LogEntry[], o?: Call): Promise<void>;
  read(id: string, q: LogQuery, o?: Call): AsyncIterable<LogEntry>;
  usage(id: string): Promise<{ bytes: number }>;
  remove(id: string): Promise<void>;
}
export interface LogTarget {
  readonly id: string;
  readonly options: Strings;
  readonly attrs: Strings;
  readonly dir: string;
}
export interface LogSink {
  readonly format: 'json-file' | 'frames' | 'none';
  readonly path: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly attrs: Strings;
  readonly full: 'block' | 'drop';
  readonly bufferBytes: number;
}
export interface LogEntry {
  readonly at: Time;
  readonly fd: 1 | 2;
  readonly line: Uint8Array;
  readonly partial?: { id: string; ordinal: number; last: boolean };
  readonly attrs?: Strings;
}
/** follow never ends by itself: after the exit event the engine aborts the signal, and read() yields what is already there, then ends. */
export interface LogQuery {
  readonly since?: Time;
  readonly until?: Time;
  readonly tail?: number;
  readonly follow: boolean;
  readonly fds: (1 | 2)[];
}
