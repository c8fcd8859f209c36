import type { HealthConfig, Platform } from '@gantry/oci';
import type { Given } from './given.ts';

/** What runs in a container and how it is named: settings an image may give defaults for. */
export interface ProcessConfig {
  /** Null: the image's. An empty list or one empty string: none, also if the image has one. */
  readonly entrypoint: readonly string[] | null;
  /** Null: the image's, unless `entrypoint` was given. */
  readonly cmd: readonly string[] | null;
  /** `NAME=value`; a `NAME` alone removes what the image sets. */
  readonly env: readonly string[];
  /** `user`, `uid`, `user:group` or any mix; empty: the image's. */
  readonly user: string;
  /** Absolute; empty: the image's, else `/`. Created if the tree lacks it. */
  readonly workingDir: string;
  /** Empty: the first 12 digits of the id (with the host's UTS or network namespace: the host's name). */
  readonly hostname: string;
  readonly domainname: string;
  /** Together with the image's, of which it wins. */
  readonly labels: Readonly<Record<string, string>>;
  /** A pseudo-terminal as stdin, stdout and stderr. */
  readonly terminal: boolean;
  /** Keep stdin open without anybody attached. */
  readonly stdin: boolean;
  /** End stdin when the first attached client lets go of it. */
  readonly stdinOnce: boolean;
  /** What the creator means to attach to: kept for inspect, and acted on by nobody. */
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** A name (`SIGTERM`, `TERM`) or number; empty: the image's, else SIGTERM. */
  readonly stopSignal: string;
  /** Seconds between the stop signal and SIGKILL; -1: never. Absent: 10. */
  readonly stopTimeout?: number;
  /** `80/tcp`; kept for inspect. */
  readonly exposedPorts: readonly string[];
  /** Paths of anonymous volumes. The image's are kept for inspect; others are refused with `notImplemented`. */
  readonly volumes: readonly string[];
  /** The image's is kept for inspect and not run; another than `NONE` is refused with `notImplemented`. */
  readonly healthcheck?: HealthConfig;
  readonly onBuild: readonly string[];
  readonly shell: readonly string[];
  /** No network but loopback, whatever `network` says. */
  readonly networkDisabled: boolean;
}

/** A block device by its path on the containers' machine, with a weight (10-1000). */
export interface DeviceWeight {
  readonly path: string;
  readonly weight: number;
}

/** A block device by its path on the containers' machine, with a rate a second. */
export interface DeviceRate {
  readonly path: string;
  readonly rate: number;
}

/** `name` as in `nofile`; -1: unlimited. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** Limits. Zero (where not said otherwise) means no limit, or the kernel's default. */
export interface Resources {
  /** Bytes. At least 6 MiB. */
  readonly memory: number;
  /** Bytes of memory and swap together; -1: no limit on swap; 0: twice `memory`. */
  readonly memorySwap: number;
  /** Bytes. */
  readonly memoryReservation: number;
  /** 0-100; null: the kernel's default. Cgroup v1 only. */
  readonly memorySwappiness: number | null;
  /** Null: as if false. Cgroup v1 only. */
  readonly oomKillDisable: boolean | null;
  /** -1000 to 1000. */
  readonly oomScoreAdj: number;
  /** Billionths of a CPU. Not together with `cpuPeriod` or `cpuQuota`. */
  readonly nanoCpus: number;
  readonly cpuShares: number;
  /** Microseconds in each period. */
  readonly cpuQuota: number;
  /** Microseconds. */
  readonly cpuPeriod: number;
  /** Microseconds. */
  readonly cpuRealtimePeriod: number;
  /** Microseconds. */
  readonly cpuRealtimeRuntime: number;
  /** `0-3,5`; empty: all. */
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  /** Null, 0 and -1: no limit. */
  readonly pidsLimit: number | null;
  /** 10-1000. */
  readonly blkioWeight: number;
  readonly blkioWeightDevices: readonly DeviceWeight[];
  readonly blkioReadBps: readonly DeviceRate[];
  readonly blkioWriteBps: readonly DeviceRate[];
  readonly blkioReadIops: readonly DeviceRate[];
  readonly blkioWriteIops: readonly DeviceRate[];
  readonly ulimits: readonly Ulimit[];
  /** Relative: below the engine's own parent. Empty: the engine's. */
  readonly cgroupParent: string;
}

export interface DeviceMapping {
  /** On the containers' machine. */
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of `r`, `w`, `m`. */
  readonly access: string;
}

export interface Security {
  readonly privileged: boolean;
  /** With or without `CAP_`; `ALL`. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** `no-new-privileges`, `seccomp=unconfined`, `seccomp=builtin`, `seccomp=<profile as JSON>`, `apparmor=...`. */
  readonly options: readonly string[];
  /** More groups of the process, names or numbers. */
  readonly groupAdd: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Null: the defaults; an empty list: none. */
  readonly maskedPaths: readonly string[] | null;
  /** Null: the defaults; an empty list: none. */
  readonly readonlyPaths: readonly string[] | null;
  readonly devices: readonly DeviceMapping[];
  /** `c 1:3 rwm`. */
  readonly deviceRules: readonly string[];
}

export interface Namespaces {
  /** `none`: private and without `/dev/shm`. */
  readonly ipc: 'private' | 'shareable' | 'none' | 'host';
  readonly pid: 'private' | 'host';
  readonly uts: 'private' | 'host';
  readonly cgroup: 'private' | 'host';
}

export interface Filesystem {
  readonly readonlyRoot: boolean;
  /** Path in the container to mount options, as `rw,noexec,size=64m`. */
  readonly tmpfs: Readonly<Record<string, string>>;
  /** Bytes of `/dev/shm`. */
  readonly shmSize: number;
}

export interface NetworkConfig {
  /** `default` and `bridge`: a namespace of its own, in this release with loopback alone. */
  readonly mode: 'default' | 'bridge' | 'none' | 'host';
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address`. */
  readonly extraHosts: readonly string[];
}

export interface RestartPolicy {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** For `on-failure`; 0: no limit. */
  readonly maximumRetryCount: number;
}

export interface LogConfig {
  /** One of the engine's log drivers, or `none`. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

/** All that a container was made with, defaults filled in: what inspect shows and a start acts on. */
export interface ContainerConfig extends ProcessConfig {
  readonly resources: Resources;
  readonly security: Security;
  readonly namespaces: Namespaces;
  readonly filesystem: Filesystem;
  readonly network: NetworkConfig;
  readonly restart: RestartPolicy;
  readonly log: LogConfig;
  /** Remove it, with what it wrote, once it has ended. A promise that outlives a crash of the engine. */
  readonly autoRemove: boolean;
  /** One of the engine's runtimes. */
  readonly runtime: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Rows and columns of the terminal at the start. */
  readonly consoleSize?: { readonly rows: number; readonly cols: number };
}

/**
 * What this release cannot do yet. Each may be given empty, as Docker's clients do, and is refused by its name with
 * `notImplemented` otherwise: nothing that was asked for is dropped in silence.
 */
export interface NotYet {
  readonly binds: readonly string[];
  readonly mounts: readonly object[];
  readonly volumesFrom: readonly string[];
  readonly volumeDriver: string;
  /** Container port (`80/tcp`) to where it is published. */
  readonly ports: Readonly<Record<string, readonly { readonly hostIp: string; readonly hostPort: string }[] | null>>;
  readonly publishAll: boolean;
  readonly links: readonly string[];
  readonly init: boolean;
  readonly deviceRequests: readonly object[];
  readonly storageOptions: Readonly<Record<string, string>>;
  /** `host` is accepted: there is no remapping. */
  readonly userns: string;
  readonly macAddress: string;
  /** Per network: the one endpoint of `network.mode` without settings is accepted. */
  readonly endpoints: Readonly<Record<string, object | null>>;
}

export interface CreateContainer extends Given<ProcessConfig> {
  /** A reference, an id, or a prefix of one. */
  readonly image: string;
  /** Absent: two random words. */
  readonly name?: string | undefined;
  /** Another platform's variant of the image; absent: this machine's. */
  readonly platform?: Platform | undefined;
  readonly resources?: Given<Resources> | undefined;
  readonly security?: Given<Security> | undefined;
  /** Names are checked here (`container:x` is refused by name), hence plain strings. */
  readonly namespaces?: { readonly [K in keyof Namespaces]?: string | undefined } | undefined;
  readonly filesystem?: Given<Filesystem> | undefined;
  readonly network?: (Given<Omit<NetworkConfig, 'mode'>> & { readonly mode?: string | undefined }) | undefined;
  readonly restart?: { readonly name?: string | undefined; readonly maximumRetryCount?: number | undefined } | undefined;
  readonly log?: Given<LogConfig> | undefined;
  readonly autoRemove?: boolean | undefined;
  readonly runtime?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly consoleSize?: { readonly rows: number; readonly cols: number } | undefined;
  readonly notYet?: Given<NotYet> | undefined;
}
