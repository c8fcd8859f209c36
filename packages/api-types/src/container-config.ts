import type { StringMap } from './common.ts';

/** A set, as Go writes it: `{"80/tcp": {}}`. */
export type SetOf = Readonly<Record<string, Readonly<Record<string, never>>>>;

/** How to find out whether a container works. Durations in nanoseconds; 0 inherits. */
export interface HealthConfig {
  readonly Test?: readonly string[] | null;
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly Retries?: number;
  readonly StartPeriod?: number;
  /** API 1.44 and above. */
  readonly StartInterval?: number;
}

/** What of a container does not depend on the host. */
export interface ContainerConfig {
  readonly Hostname: string;
  readonly Domainname: string;
  readonly User: string;
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly ExposedPorts?: SetOf | null;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly StdinOnce: boolean;
  readonly Env: readonly string[] | null;
  readonly Cmd: readonly string[] | null;
  readonly Healthcheck?: HealthConfig;
  readonly ArgsEscaped?: boolean | null;
  readonly Image: string;
  readonly Volumes: SetOf | null;
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[] | null;
  readonly NetworkDisabled?: boolean | null;
  /** API below 1.52 sends it always. */
  readonly OnBuild?: readonly string[] | null;
  readonly Labels: StringMap | null;
  readonly StopSignal?: string | null;
  /** Seconds. */
  readonly StopTimeout?: number | null;
  readonly Shell?: readonly string[] | null;
  /** API below 1.52; above, a part of the endpoint's settings. */
  readonly MacAddress?: string;
}
