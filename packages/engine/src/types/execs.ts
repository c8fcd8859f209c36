import type { Call } from '@gantry/driver-api';
import type { ContainerStreams } from './containers.ts';

export interface CreateExec {
  readonly cmd: readonly string[];
  /** Added to the container's. */
  readonly env?: readonly string[] | undefined;
  /** Empty: the container's. */
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  readonly terminal?: boolean | undefined;
  readonly attachStdin?: boolean | undefined;
  readonly attachStdout?: boolean | undefined;
  readonly attachStderr?: boolean | undefined;
  readonly privileged?: boolean | undefined;
  readonly detachKeys?: string | undefined;
  readonly consoleSize?: { readonly rows: number; readonly cols: number } | undefined;
}

export interface ExecDetails {
  readonly id: string;
  readonly containerId: string;
  readonly running: boolean;
  /** Null until it has ended. */
  readonly exitCode: number | null;
  readonly pid: number;
  readonly request: CreateExec;
}

/** More processes in a container that runs. Forgotten when the container ends. */
export interface Execs {
  /** @throws GantryError conflict `not-running`. */
  create(container: string, request: CreateExec): Promise<string>;
  /** Resolves once it runs. @throws GantryError invalid `program-not-found` or `program-not-executable` with `details.exitCode`; conflict `exec-started`. */
  start(id: string, o?: Call & { readonly detach?: boolean | undefined; readonly consoleSize?: { readonly rows: number; readonly cols: number } | undefined }): Promise<ContainerStreams | null>;
  inspect(id: string): Promise<ExecDetails>;
  resize(id: string, size: { readonly rows: number; readonly cols: number }): Promise<void>;
}
