/**
 * A command said once: the fast path parses and runs it, and an oclif class is made from it for help, completion and
 * plugins. Modules that hold specs must not import oclif.
 */
export interface BooleanFlag {
  readonly type: 'boolean';
  readonly char?: string;
  readonly summary: string;
  readonly default?: boolean;
}
export interface StringFlag {
  readonly type: 'string';
  readonly char?: string;
  readonly summary: string;
  /** What stands for the value in help. */
  readonly value?: string;
  readonly options?: readonly string[];
}
export interface ListFlag {
  readonly type: 'list';
  readonly char?: string;
  readonly summary: string;
  readonly value?: string;
}
export type FlagSpec = BooleanFlag | StringFlag | ListFlag;
export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

/** What a command gets for each of its flags: as given, `undefined` (or the default, or an empty list) if it was not. */
export type FlagValues<F extends FlagSpecs> = {
  readonly [K in keyof F]: F[K] extends BooleanFlag ? boolean : F[K] extends ListFlag ? readonly string[] : string | undefined;
};

export interface ArgsSpec {
  /** As help shows them: `IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  readonly min: number;
  readonly max: number;
  /** Flags end at the first argument: what follows belongs to the program that is run. */
  readonly passThrough?: boolean;
  /** Every word is an argument, flags too: another program reads them. */
  readonly verbatim?: boolean;
}

export interface Example {
  readonly description: string;
  readonly command: string;
}

export interface CommandSpec<F extends FlagSpecs = FlagSpecs> {
  /** The words that name it: `run`. */
  readonly name: string;
  /** Other names: Docker's grouped ones (`container run`). */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly examples: readonly Example[];
  readonly flags: F;
  readonly args: ArgsSpec;
  /** The exit code where the command itself fails, not what it runs. */
  readonly failure?: number;
  run(input: Input<F>): Promise<number>;
}

export interface Input<F extends FlagSpecs = FlagSpecs> {
  readonly flags: FlagValues<F>;
  readonly args: readonly string[];
  readonly io: Io;
  /** Flags that every command takes, before or behind its name. */
  readonly global: GlobalFlags;
}

export interface GlobalFlags {
  readonly host?: string;
  readonly json: boolean;
  readonly debug: boolean;
}

/** The terminal's side of a command. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream & { readonly fd: 0 };
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Resolves when it was taken: a slow reader slows the command down. */
  readonly out: (data: string | Uint8Array) => Promise<void>;
  readonly err: (data: string | Uint8Array) => Promise<void>;
}

/** Keeps the exact types of the flags. */
export function define<const F extends FlagSpecs>(spec: CommandSpec<F>): CommandSpec<F> {
  return spec;
}

/** `--host`, `--json` and `--debug`: taken by every command. */
export const globalFlags = {
  host: { type: 'string', char: 'H', value: 'unix:///path', summary: 'Engine to talk to; else GANTRY_HOST, then DOCKER_HOST, then the default socket' },
  json: { type: 'boolean', summary: 'Print JSON' },
  debug: { type: 'boolean', char: 'D', summary: 'Show what lies behind an error' },
} as const satisfies FlagSpecs;
