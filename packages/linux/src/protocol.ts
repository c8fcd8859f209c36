/**
 * The messages of PROTOCOL.md as types. Nothing here has an effect; what the messages promise stands in PROTOCOL.md.
 */

/** Versions of the protocol that this package speaks. */
export const protocolVersions: { readonly min: number; readonly max: number } = { min: 1, max: 1 };

/** Types of frames. */
export const frameType = {
  json: 0x00,
  stdin: 0x01,
  stdout: 0x02,
  stderr: 0x03,
  fsBatch: 0x10,
  bulk: 0x11,
  bulkEnd: 0x12,
} as const;

/** Greatest length of a frame behind its length field: the type byte and the payload. */
export const maxFrameLength: number = 1024 * 1024;

/** First frame of each side. */
export interface HelloRequest {
  readonly min: number;
  readonly max: number;
  readonly build: string;
  readonly instance: string;
  /** Understood in every version of the protocol: the zygote is to end with its last keeper. Not for keepers. */
  readonly quit?: boolean;
}

export interface HelloAnswer {
  /** The highest version that both speak. */
  readonly version: number;
  /** Identifies the binary of the other side. */
  readonly build: string;
  readonly instance: string;
  readonly role: 'zygote' | 'keeper';
  readonly pid: number;
}

/** How a request failed. `step` and `errno` (a name such as `ENOENT`) are there when a system call failed. */
export interface NativeErrorWire {
  readonly code: 'unsupported' | 'invalid' | 'os' | 'notFound' | 'conflict' | 'gone' | 'exec' | 'internal';
  readonly message: string;
  readonly errno?: string;
  readonly step?: string;
}

/** `[container, host, size]` */
export type IdRangeWire = readonly [container: number, host: number, size: number];

export interface IdMapWire {
  readonly uid: readonly IdRangeWire[];
  readonly gid: readonly IdRangeWire[];
}

/* ---- zygote ---- */

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly fstype: string;
  /** MS_* */
  readonly flags: number;
  readonly data: string;
}

export interface OverlayRequest {
  readonly target: string;
  /** Topmost first. */
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  /** Options without a value, such as `volatile` or `userxattr`. */
  readonly flags?: readonly string[];
  /** Options with a value, such as `xino: 'on'`. */
  readonly options?: Readonly<Record<string, string>>;
  readonly readonly?: boolean;
}

export interface BindRequest {
  readonly source: string;
  /** A folder on the host that `source` is a path in: symlinks in it lead inside the folder, never out. */
  readonly within?: string;
  readonly target: string;
  readonly recursive?: boolean;
  readonly readonly?: boolean;
}

export interface NetlinkRequest {
  /** NETLINK_ROUTE 0, NETLINK_NETFILTER 12, ... */
  readonly protocol: number;
  /** Path of the network namespace to do it in; absent: the host's. */
  readonly netns?: string;
  /** Whole messages with their headers, in base64, each sent as it is. */
  readonly messages: readonly string[];
}

export interface FsRequest {
  /** Absolute, on the host. */
  readonly root: string;
  /** Targets are paths in the tree. */
  readonly mounts?: readonly { readonly source: string; readonly target: string; readonly recursive?: boolean; readonly readonly?: boolean }[];
  readonly readonly?: boolean;
  readonly idmap?: IdMapWire;
  readonly umask?: 0;
}

export interface KeeperInfo {
  readonly key: string;
  readonly pid: number;
  readonly dir: string;
}

/** A keeper ended without having been told to. `status`: its exit code, or 128 + the signal. */
export interface KeeperExit {
  readonly event: 'keeper-exit';
  readonly key: string;
  readonly dir: string;
  readonly status: number;
}

/* ---- keeper ---- */

/** A namespace that a keeper can make. */
export type NamespaceName = 'mount' | 'pid' | 'net' | 'ipc' | 'uts' | 'cgroup' | 'user';
/** A namespace that a keeper can enter by path instead. */
export type JoinName = Exclude<NamespaceName, 'mount'> | 'time';
/** A namespace that lives on in a pin. */
export type PinName = 'net' | 'ipc' | 'uts' | 'cgroup' | 'user';

/** One write into a file of a cgroup. `optional`: a file that is not there or refuses is no error. */
export interface CgroupWrite {
  readonly path: string;
  readonly data: string;
  readonly optional?: boolean;
}

export interface KeeperCgroup {
  /** Folders, made in this order if absent, removed in reverse order by `delete`. */
  readonly mkdir: readonly string[];
  readonly write: readonly CgroupWrite[];
  /** v1 (and hybrid): files `cgroup.procs` that each process of the container is written to. */
  readonly procs: readonly string[];
  /** The folder in the unified hierarchy. */
  readonly v2?: string;
}

/** Where to learn of OOM kills. */
export type OomSource = { readonly v1: { readonly control: string } } | { readonly v2: string };

export interface KeeperRequest {
  /** Names it; the caller's word for it. At most 255 bytes. */
  readonly key: string;
  /** Exists, mode 0700; short enough that `<dir>/s` is a socket's name (107 bytes). */
  readonly dir: string;
  readonly namespaces: readonly NamespaceName[];
  readonly join?: Readonly<Partial<Record<JoinName, string>>>;
  readonly pin?: Readonly<Partial<Record<PinName, string>>>;
  readonly idmap?: IdMapWire;
  readonly cgroup?: KeeperCgroup;
  readonly oom?: OomSource;
  /** Bring up `lo` in a new network namespace. */
  readonly loopback?: boolean;
}

/** The log as the keeper writes it; `frames` is not understood yet. */
export interface LogSinkWire {
  readonly format: 'json-file' | 'frames' | 'none';
  readonly path: string;
  /** 0: never rotated. */
  readonly maxBytes: number;
  /** Files kept, the current one included. */
  readonly maxFiles: number;
  readonly attrs: Readonly<Record<string, string>>;
  readonly full: 'block' | 'drop';
  readonly bufferBytes: number;
}

export interface IoWire {
  readonly terminal: boolean;
  readonly rows?: number;
  readonly cols?: number;
  /** Without it, standard input is /dev/null. */
  readonly stdin: boolean;
  /** Standard input ends when the first client that held it leaves. */
  readonly stdinOnce?: boolean;
}

export type Propagation = 'private' | 'slave' | 'shared' | 'unbindable';

export interface PlanFsMount {
  readonly kind: 'fs';
  readonly fstype: string;
  readonly source: string;
  /** In the container. */
  readonly target: string;
  /** MS_* */
  readonly flags: number;
  /** Options of the file system, comma-separated. */
  readonly data: string;
}

export interface PlanBindMount {
  readonly kind: 'bind';
  /** On the host (its last component is not followed), or in the container with `inRoot`. */
  readonly source: string;
  readonly target: string;
  readonly recursive?: boolean;
  /** What the target is made as if absent; `null`: it has to be there. */
  readonly create: 'dir' | 'file' | null;
  /** MOUNT_ATTR_* to set and to clear, as decimal numbers. */
  readonly set?: number;
  readonly clear?: number;
  /** The attributes go for the mounts below too. */
  readonly recursiveAttr?: boolean;
  /** Recursive if `recursive` is. Default private. */
  readonly propagation?: Propagation;
  readonly inRoot?: boolean;
}

export type PlanMount = PlanFsMount | PlanBindMount;

export interface PlanDevice {
  readonly path: string;
  readonly type: 'c' | 'b' | 'p';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Sets of capabilities: hexadecimal numbers of 64 bits without prefix. */
export interface PlanCaps {
  readonly bounding: string;
  readonly effective: string;
  readonly permitted: string;
  readonly inheritable: string;
  readonly ambient: string;
}

export interface PlanProcess {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  /** Make `cwd` (mode 0755, root's) if it is absent. */
  readonly createCwd?: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly umask?: number;
  readonly caps: PlanCaps;
  /** `[resource number, soft, hard]`, decimal strings of 64 bits; 18446744073709551615: unlimited. */
  readonly rlimits: readonly (readonly [resource: number, soft: string, hard: string])[];
  readonly noNewPrivileges: boolean;
  /** A compiled program: `struct sock_filter` after another, little-endian. `flags`: SECCOMP_FILTER_FLAG_*. */
  readonly seccomp?: { readonly bpf: string; readonly flags: number };
  /** Default 0. */
  readonly oomScoreAdj?: number;
  /** Name of a loaded profile. */
  readonly apparmor?: string;
  /** A label, written to attr/exec. */
  readonly selinux?: string;
  /** Folders in which a program without a slash is looked up, in order. */
  readonly path: readonly string[];
}

export type PlanRoot =
  | { readonly path: string }
  | {
      readonly overlay: {
        /** Topmost first. */
        readonly lower: readonly string[];
        readonly upper?: string;
        readonly work?: string;
        readonly flags?: readonly string[];
        readonly options?: Readonly<Record<string, string>>;
      };
    };

export interface Plan {
  readonly root: PlanRoot;
  readonly rootPropagation: 'private' | 'slave' | 'shared';
  readonly readonlyRoot: boolean;
  /** In order; targets are made if absent. */
  readonly mounts: readonly PlanMount[];
  readonly devices: readonly PlanDevice[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Bind the terminal at /dev/console. Needs `io.terminal`. */
  readonly console: boolean;
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
  /** Name (`net.ipv4.ip_forward`, or with slashes) and value. */
  readonly sysctls: readonly (readonly [name: string, value: string])[];
  readonly hostname?: string;
  readonly domainname?: string;
  readonly process: PlanProcess;
}

export interface CreateRequest {
  /** New for each container; the same one again gets the same answer. */
  readonly token: string;
  readonly plan: Plan;
  readonly io: IoWire;
  readonly log?: LogSinkWire;
}

export interface ExecRequest {
  /** `[a-zA-Z0-9_.-]{1,128}`, no leading dot. */
  readonly execId: string;
  readonly process: PlanProcess;
  readonly io: IoWire;
}

export interface AttachRequest {
  readonly execId?: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** A slow reader stalls the process; else it is cut off once it is `bufferBytes` behind. */
  readonly lossless: boolean;
  readonly bufferBytes: number;
}

/** How a process ended. */
export interface ExitRecord {
  /** 128 + signal if a signal ended it; 126 or 127: it could not be executed. */
  readonly code: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly at: string;
  /** Written by the zygote in place of a keeper that died. */
  readonly lost?: 'keeper';
}

export interface ExecState {
  readonly id: string;
  readonly status: 'created' | 'running' | 'stopped';
  readonly pid?: number;
  readonly exit?: ExitRecord;
}

export interface KeeperState {
  readonly key: string;
  readonly token?: string;
  /** `empty`: namespaces without a container. */
  readonly status: 'empty' | 'created' | 'running' | 'stopped';
  /** On the host; of the waiting process while `empty`. */
  readonly pid?: number;
  readonly startedAt?: string;
  readonly exit?: ExitRecord;
  readonly execs: readonly ExecState[];
  /** Entries that a full disk made the log drop. */
  readonly logDropped: number;
  readonly version: number;
  readonly build: string;
}

export type KeeperEvent =
  | { readonly event: 'start'; readonly at: string }
  | { readonly event: 'exit'; readonly exit: ExitRecord }
  | { readonly event: 'exec-start'; readonly execId: string; readonly at: string }
  | { readonly event: 'exec-exit'; readonly execId: string; readonly exit: ExitRecord }
  | { readonly event: 'oom'; readonly at: string };
