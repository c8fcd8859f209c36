/** The body of `POST /containers/{id}/exec`. */
export interface ExecCreateRequest {
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  /** Rows, columns. */
  readonly ConsoleSize?: readonly [number, number] | null;
  readonly DetachKeys?: string;
  readonly Tty?: boolean;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Privileged?: boolean;
  readonly User?: string;
  readonly WorkingDir?: string;
}

/** The body of `POST /exec/{id}/start`. */
export interface ExecStartRequest {
  readonly Detach?: boolean;
  readonly Tty?: boolean;
  readonly ConsoleSize?: readonly [number, number] | null;
}

export interface ProcessConfig {
  readonly privileged: boolean;
  readonly user: string;
  readonly tty: boolean;
  readonly entrypoint: string;
  readonly arguments: readonly string[];
}

/** `GET /exec/{id}/json` */
export interface ExecInspectResponse {
  readonly CanRemove: boolean;
  readonly DetachKeys: string;
  readonly ID: string;
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly ProcessConfig: ProcessConfig;
  readonly OpenStdin: boolean;
  readonly OpenStderr: boolean;
  readonly OpenStdout: boolean;
  readonly ContainerID: string;
  readonly Pid: number;
}
