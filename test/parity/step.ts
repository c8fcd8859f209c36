/** One thing a client does. `$NAME` in its words stands for what an earlier step answered under that name (`save`). */
export type Step =
  | { readonly docker: readonly string[]; readonly input?: string; readonly save?: string }
  | { readonly api: readonly [method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', path: string]; readonly body?: unknown; readonly rawBody?: string; readonly headers?: Readonly<Record<string, string>>; readonly save?: string };

/** Steps in their order, on an engine that has the image `busybox`; what they leave is removed afterwards. */
export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Answer {
  /** Exit code, or HTTP status. */
  readonly code: number | null;
  readonly stdout: unknown;
  readonly stderr: string;
}

/** What the reference engine answered. */
export interface Recording {
  readonly engine: string;
  readonly answers: readonly Answer[];
}
