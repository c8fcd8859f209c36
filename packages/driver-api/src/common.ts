export interface Call {
  readonly signal?: AbortSignal;
}
export type Bytes = AsyncIterable<Uint8Array>;
export type Time = string;
/** Engine's choice: the chain ID if known, else 'u:<ulid>' */
export type LayerId = string & { __layer: 1 };
export type Strings = Record<string, string>;
export type IdRange = { container: number; host: number; size: number };
export type IdMap = { uid: IdRange[]; gid: IdRange[] };
export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target?: string;
  readonly options: string[];
}
export interface Logger {
  debug(o: object, m: string): void;
  info(o: object, m: string): void;
  warn(o: object, m: string): void;
  error(o: object, m: string): void;
  child(b: object): Logger;
}
export interface Driver extends AsyncDisposable {
  readonly name: string; domain: string;
  status(): Promise<[string, string][]>;
  check(o?: Call & { repair?: boolean }): AsyncIterable<{ id: string; code: string; message: string; repaired: boolean }>;
}
export interface DriverContext {
  /** 8 hex from the data root: prefix of every kernel-global name (links, tables, cgroups) */
  readonly instance: string;
  /** This engine process; 'tmp:<session>:*' holders end with it, also in a longer-lived driver process */
  readonly session: string;
  readonly bootId: string; domain: string;
  /** RunDir short: sun_path is 108 bytes */
  readonly stateDir: string; runDir: string;
  readonly log: Logger; signal: AbortSignal;
}
