import type { FrameConnection } from './frames.ts';
import type { NativeEndpoint } from './fs-types.ts';
import type { Keeper } from './keeper.ts';
import type {
  BindRequest,
  FsRequest,
  KeeperExit,
  KeeperInfo,
  KeeperRequest,
  MountRequest,
  OverlayRequest,
} from './protocol.ts';

export interface OpenNativeOptions {
  /** A folder of mode 0700 for the socket `z` (made if absent). At most 100 bytes long. */
  readonly runDir: string;
  /** Eight hexadecimal digits that tell engines on one host apart. */
  readonly instance: string;
  /** A file that a zygote started by this call writes its complaints to. */
  readonly log?: string;
  /** Path of the binary; default: the platform package's. */
  readonly binary?: string;
  /**
   * What becomes of a running zygote of another build that speaks our protocol. `replace` (default): it ends with its last
   * keeper, and a new one is started, so that an update is effective for the next container. `adopt`: it is used.
   */
  readonly otherBuild?: 'replace' | 'adopt';
}

/** The connection of a tree operation: after the answer, frames of the fs protocol. */
export interface FsConnection extends AsyncDisposable {
  /** Of the process that does it. */
  readonly pid: number;
  readonly frames: FrameConnection;
}

/** One netlink request. */
export interface NetlinkCall {
  /** NETLINK_ROUTE 0, NETLINK_NETFILTER 12, ... */
  readonly protocol: number;
  /** Path of the network namespace to do it in; absent: the host's. */
  readonly netns?: string;
  /** Whole messages with their headers, each sent as it is. */
  readonly messages: readonly Uint8Array[];
}

/** A connection to the zygote. Dispose closes the connection only: the zygote, keepers and mounts go on. */
export interface Native extends AsyncDisposable {
  /** Of the zygote. */
  readonly pid: number;
  readonly build: string;
  /** Resolves when the connection has ended, by either side: then open another one. Never rejects. */
  readonly closed: Promise<void>;
  /** For `openFsSession`, here and in worker threads. */
  readonly endpoint: NativeEndpoint;

  ping(): Promise<void>;

  /** mount(2) in the host's mount namespace. @throws os errors, `details.errno`. */
  mount(r: MountRequest): Promise<void>;

  /** An overlay of any number of layers (the kernel's limit is 500), by the new mount API. */
  overlay(r: OverlayRequest): Promise<void>;

  /** By file descriptor; a symlink as last component is refused. */
  bind(r: BindRequest): Promise<void>;

  /** @returns false: nothing was mounted there. */
  umount(target: string, o?: { readonly detach?: boolean }): Promise<boolean>;

  mkfifo(path: string, mode: number): Promise<void>;

  /** Sends each message, and returns what came back for it, message by message. Error replies are replies: the caller reads them. */
  netlink(r: NetlinkCall): Promise<Uint8Array[][]>;

  /** Removes a pinned namespace. Absent: resolves. */
  unpin(path: string): Promise<void>;

  /** Starts a keeper with its namespaces. */
  spawnKeeper(r: KeeperRequest): Promise<Keeper>;

  /** A running keeper by its folder, whoever started it. @throws notFound `keeper-not-found`: none listens there. */
  connectKeeper(dir: string): Promise<Keeper>;

  /** Those that this zygote started. */
  keepers(): Promise<readonly KeeperInfo[]>;

  /** Calls back for each keeper that ends without having been told to. @returns stops it. */
  watchKeepers(onExit: (exit: KeeperExit) => void): Promise<() => void>;

  /** A process confined to a tree, on a connection of its own. */
  openFs(r: FsRequest): Promise<FsConnection>;

  /**
   * Puts away what a keeper left that died together with its zygote: ends its processes, writes `exit.json` if there is none,
   * removes its cgroups and pins. A zygote does so by itself for keepers of its own.
   *
   * @returns false: the folder tells of no keeper.
   * @throws conflict: the keeper lives.
   */
  bury(dir: string): Promise<boolean>;

  /** The zygote ends with its last keeper, and takes no more work. */
  quit(): Promise<void>;
}
