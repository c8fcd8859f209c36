/**
 * What the `fs` role offers, as types. Nothing here touches a file: `fs-session.ts` opens a session, and every effect
 * happens in a process that is confined to the tree it was given.
 */

/** Where a zygote listens and what to say to it: plain data, so that a worker thread can open a connection of its own. */
export interface NativeEndpoint {
  readonly socket: string;
  readonly build: string;
  readonly instance: string;
}

/**
 * A path inside the session's root. A leading `/`, `.` components and repeated `/` mean nothing; `..` and NUL are refused.
 * A string is encoded as UTF-8; names that are not UTF-8 are given as bytes.
 */
export type FsPath = string | Uint8Array;

/** Extended attributes. A name is a byte string (one character per byte, which for ASCII names is the name itself). */
export type FsXattrs = ReadonlyMap<string, Uint8Array>;

export interface FsIdRange {
  readonly container: number;
  readonly host: number;
  readonly size: number;
}

/** Ids on the wire are the container's, ids on disk the host's. An id without a range: `invalid` when written, 65534 when read. */
export interface FsIdMap {
  readonly uid: readonly FsIdRange[];
  readonly gid: readonly FsIdRange[];
}

export interface FsMount {
  /** On the host, absolute; its last component is no symbolic link. */
  readonly source: string;
  /** In the tree; resolved there without leaving it. */
  readonly target: string;
  /** Also what is mounted below `source`. */
  readonly recursive?: boolean;
  readonly readonly?: boolean;
}

export interface FsOpenOptions {
  /** Absolute path of a directory on the host; its last component is no symbolic link. */
  readonly root: string;
  readonly mounts?: readonly FsMount[];
  /** Refuse every change (EROFS). */
  readonly readonly?: boolean;
  readonly idmap?: FsIdMap;
  /** Ends the process of the session; what is under way rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

interface FsCommon {
  /** Permission bits with set-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; of a symbolic link, the length of its target. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  readonly nlink: number;
  readonly ino: bigint;
  readonly dev: bigint;
  /** Blocks of 512 bytes on disk. */
  readonly blocks: number;
}

/** One inode, by its kind. */
export type FsStat =
  | (FsCommon & { readonly type: 'file' | 'dir' | 'fifo' | 'socket' })
  | (FsCommon & { readonly type: 'symlink'; readonly link: Buffer })
  | (FsCommon & { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number });

export type FsType = FsStat['type'];

export interface FsName {
  readonly name: Buffer;
  readonly type: FsType;
}

/** An inode found by `walk`. */
export type FsEntry = FsStat & {
  /** Relative to the root of the walk; empty for that root itself. */
  readonly path: Buffer;
  /** Empty unless asked for. */
  readonly xattrs: FsXattrs;
  /** This name is a further link to the file first told of under this path. */
  readonly hardlink?: Buffer;
};

/** A walk that brings the contents along: after the entry of a regular file with content come its pieces, then `end`. */
export type FsWalkItem =
  | { readonly kind: 'entry'; readonly entry: FsEntry }
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'hole'; readonly bytes: number }
  /** The pieces add up to the entry's size; `changed`: the file shrank while it was read and was filled up with a hole. */
  | { readonly kind: 'end'; readonly changed: boolean };

export interface FsWalkOptions {
  readonly xattrs?: boolean;
  /** Names of the root's direct children to leave out. */
  readonly exclude?: readonly FsPath[];
}

export interface FsOwner {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface FsUsage {
  /** `st_blocks` * 512, a file with several links once. */
  readonly bytes: number;
  readonly inodes: number;
}

export interface FsStatfs {
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly nameMax: number;
}

/**
 * A process whose root is one tree. Operations of one session are done in the order they were called; an `AsyncIterable`
 * takes its turn piece by piece, so other calls may be made while one is being read.
 *
 * Every method rejects with a `GantryError`: `notFound` (ENOENT), `conflict` (EEXIST, ENOTEMPTY, EBUSY, or the wrong type of
 * file), `invalid` (a path that leaves the root or passes a symbolic link), `exhausted` (ENOSPC, EDQUOT, EMFILE), `forbidden`
 * (EPERM, EACCES, EROFS), `aborted`, `unavailable` (the process is gone), `internal`. `details` has `errno`, `step`, `path`.
 * Unless `follow` is set no component of a path may be a symbolic link; with it links are resolved inside the root.
 *
 * Disposing ends the process, in the middle of what was not awaited, and resolves when it touches the tree no more.
 */
export interface FsSession extends AsyncDisposable {
  readonly pid: number;
  stat(path: FsPath, o?: { readonly follow?: boolean }): Promise<FsStat>;
  /** Sorted by bytes. `exhausted` above `max` names (1,000,000 unless told). */
  list(path: FsPath, o?: { readonly max?: number; readonly follow?: boolean }): Promise<FsName[]>;
  /** Parents before children, siblings sorted by bytes; the root of the walk first. Freed by `return()`. */
  walk(path: FsPath, o?: FsWalkOptions): AsyncIterable<FsEntry>;
  /** As `walk`, with the contents of regular files between the entries. */
  walkData(path: FsPath, o?: FsWalkOptions): AsyncIterable<FsWalkItem>;
  /** The whole file; `exhausted` if it is longer than `max` bytes. Refuses what is no regular file. */
  readFile(path: FsPath, o: { readonly max: number; readonly follow?: boolean }): Promise<Buffer>;
  read(path: FsPath, o?: { readonly follow?: boolean; readonly offset?: number }): AsyncIterable<Uint8Array>;
  /** Atomic: readers see the old or the new content. */
  writeFile(path: FsPath, data: Uint8Array, o: FsOwner & { readonly sync?: boolean }): Promise<void>;
  /** `parents`: those that are missing are made with the same owner and mode, and an existing directory is left as it is. */
  mkdir(path: FsPath, o: FsOwner & { readonly parents?: boolean }): Promise<void>;
  symlink(path: FsPath, target: FsPath, o: { readonly uid: number; readonly gid: number }): Promise<void>;
  /** Recursive, by descriptor; absent is fine. The root itself is emptied. */
  remove(path: FsPath): Promise<void>;
  rename(from: FsPath, to: FsPath, o?: { readonly how?: 'replace' | 'noreplace' | 'exchange' }): Promise<void>;
  /** Durable when resolved: `file` and `dir` by fsync, `tree` everything below (one syncfs). */
  sync(path: FsPath, mode: 'file' | 'dir' | 'tree'): Promise<void>;
  usage(path: FsPath): Promise<FsUsage>;
  statfs(path: FsPath): Promise<FsStatfs>;
  /** Of the path itself, also of a symbolic link; null: it has no such attribute. */
  getxattr(path: FsPath, name: string): Promise<Buffer | null>;
  setxattr(path: FsPath, name: string, value: Uint8Array): Promise<void>;
  /** Sorted. */
  listxattr(path: FsPath): Promise<string[]>;
  /** The whole tree with owners, modes, times, xattrs, devices, holes and hard links; `to` must not exist. */
  copyTree(from: FsPath, to: FsPath, o?: { readonly reflink?: 'auto' | 'never' }): Promise<void>;
  /** Several may be open at once (at most 60), each with its own order and its own barrier. */
  batch(): FsBatch;
}

export interface FsMeta extends FsOwner {
  /** Absent: left to the kernel. The access time becomes the same. */
  readonly mtimeNs?: bigint;
  readonly xattrs?: FsXattrs;
}

export interface FsParentOptions {
  /** Parents may be symbolic links, resolved inside the root. The default is to refuse them. */
  readonly followParents?: boolean;
}

export interface FsCreateOptions extends FsParentOptions {
  /**
   * What to do with something that has this name already. `fail`: EEXIST. `replace` (the default): a directory meeting a
   * directory keeps its content and takes the new metadata, everything else is removed first, recursively. `same-kind`: as
   * replace, but a directory and a non-directory never take each other's place.
   */
  readonly existing?: 'fail' | 'replace' | 'same-kind';
}

export interface FsMkdirOptions extends FsCreateOptions {
  /** A directory that is there stays as it is; with `followParents` also a link to one. */
  readonly keep?: boolean;
  /** A directory that is there loses the attributes that `meta` does not name, apart from the kernel's own. */
  readonly clearXattrs?: boolean;
}

export interface FsFileOptions extends FsCreateOptions {
  /** Readers see the old or the new content: the name is given by a rename. It replaces what is no directory. */
  readonly atomic?: boolean;
  /** Durable, with an atomic file's name, before the next operation. */
  readonly sync?: boolean;
}

export type FsNode = { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number } | { readonly type: 'fifo' };

/**
 * A stream of changes without a round trip for each. Methods queue and return at once; `drain` keeps the queue bounded;
 * `barrier` resolves once all that was queued before it is done, or rejects with the first error, after which nothing was
 * done until that barrier. Effects are not durable until `sync`.
 */
export interface FsBatch {
  mkdir(path: FsPath, meta: FsMeta, o?: FsMkdirOptions): void;
  /** A whole file. */
  file(path: FsPath, meta: FsMeta, data: Uint8Array, o?: FsFileOptions): void;
  /** A file in pieces: `data` and `hole` in any number, then `fileEnd`. The bytes of `data` must not change until `drain`. */
  fileBegin(path: FsPath, meta: FsMeta, o?: FsFileOptions): void;
  data(bytes: Uint8Array): void;
  hole(bytes: number): void;
  fileEnd(): void;
  hardlink(path: FsPath, target: FsPath, o?: FsCreateOptions): void;
  symlink(path: FsPath, target: FsPath, meta: FsMeta, o?: FsCreateOptions): void;
  mknod(path: FsPath, node: FsNode, meta: FsMeta, o?: FsCreateOptions): void;
  /** Of the path itself, also of a symbolic link. */
  setxattr(path: FsPath, name: string, value: Uint8Array, o?: FsParentOptions): void;
  /** Of the path itself, also of a symbolic link. */
  chown(path: FsPath, uid: number, gid: number): void;
  /** Not of a symbolic link. */
  chmod(path: FsPath, mode: number): void;
  /** Of the path itself, also of a symbolic link. */
  utimes(path: FsPath, mtimeNs: bigint, o?: FsParentOptions): void;
  /** Recursive; absent is fine. */
  remove(path: FsPath): void;
  /** Removes all children of a directory but these; absent is fine. */
  clear(path: FsPath, keep: readonly Uint8Array[]): void;
  rename(from: FsPath, to: FsPath): void;
  /** overlayfs: the name hides what is below it (a character device 0/0). Replaces what has the name. */
  whiteout(path: FsPath): void;
  /** overlayfs: the directory hides what is below it (`trusted.overlay.opaque`). */
  opaque(path: FsPath): void;
  /** Bytes that the process has not taken yet. */
  readonly queued: number;
  /** Resolves when more should be queued; rejects with the first error known. */
  drain(): Promise<void>;
  barrier(): Promise<void>;
  /** Ends the batch: `barrier`, then another may be opened. */
  close(): Promise<void>;
}
