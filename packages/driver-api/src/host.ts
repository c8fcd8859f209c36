import type { Bytes, Call, Driver, IdMap, Mount, Strings, Time } from './common.ts';

/** The machine that the containers run on. */
export interface HostInfo {
  /** `uname -r`. */
  readonly kernel: string;
  /** As in OCI images: `amd64`, `arm64`, ... */
  readonly arch: string;
  /** As in OCI images: `linux`. */
  readonly os: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** `v1` also where a v2 hierarchy stands beside it without controllers. */
  readonly cgroup: 'v1' | 'v2';
  /** systemd is the init system. */
  readonly systemd: boolean;
  /** Names to values, for humans. */
  readonly features: Strings;
}

/** What is known of one inode without opening it. */
export interface FileStat {
  /** `st_mode`: type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  readonly mtime: Time;
  /** Target of a symbolic link. */
  readonly link?: string;
  /** Major and minor of a device. */
  readonly rdev?: [number, number];
}

/** One entry of a walk. */
export interface WalkEntry extends Omit<FileStat, 'rdev'> {
  /** Absolute inside the tree. */
  readonly path: string;
  /** Decimal; equal for hard links. */
  readonly ino: string;
  /** Of a regular file's content, if asked for: `sha256:...`. */
  readonly digest?: string;
}

/**
 * Whatever else the engine does on the containers' machine: the engine itself touches no path there. Trees are hostile:
 * each path is resolved inside its tree, links included, and no call leads out of it.
 */
export interface Host extends Driver {
  /** Cheap: asked at each `info`. */
  info(): Promise<HostInfo>;

  /**
   * A helper process in its own mount namespace, whose root is `t.root` with these mounts, ids mapped. For cp, export,
   * copy-up, COPY, the look-up in passwd, hosts and resolv.conf. Ends with the session.
   *
   * @throws conflict. notFound: the root.
   */
  openTree(key: string, t: { root: string; mounts: Mount[]; idmap?: IdMap; readOnly?: boolean }, o?: Call): Promise<void>;

  /** G3. */
  closeTree(key: string): Promise<void>;

  /** @param o.follow A symbolic link at the end too. @throws notFound */
  stat(at: At, o?: { follow?: boolean }): Promise<FileStat>;

  /** A regular file. @param o.max Bytes. @throws notFound. exhausted: it is larger. invalid: not a regular file. */
  readFile(at: At, o: { max: number }): Promise<Uint8Array>;

  /** Replaces the file by one rename. @throws notFound: the folder. invalid: not a regular file. */
  writeFile(at: At, data: Uint8Array, o: { mode: number; uid: number; gid: number }): Promise<void>;

  /** The file or tree as a tar. @param o.exclude Paths below `at`. @param o.rename The first component of the names in the tar. @throws notFound, at the first `next()`. */
  tar(at: At, o?: Call & { exclude?: string[]; rename?: string }): Bytes;

  /**
   * Unpacks an uncompressed tar into a folder.
   *
   * @param o.chown Everything gets this owner.
   * @param o.keepTypes A folder never replaces a file, nor a file a folder: kind `conflict`.
   * @throws notFound. invalid: malformed. exhausted: more than `maxBytes` or `maxInodes`.
   */
  untar(at: At, tar: Bytes, o: Call & { maxBytes: number; maxInodes: number; chown?: { uid: number; gid: number }; keepTypes?: boolean }): Promise<void>;

  /** Between two trees, or in one. @param o.chmod As of chmod(1). @throws notFound */
  copy(from: At, to: At, o?: Call & { exclude?: string[]; include?: string[]; chmod?: string; chown?: { uid: number; gid: number } }): Promise<void>;

  /** Resolves inside the tree and bind-mounts what it found: a source that cannot be swapped any more (subpaths of volumes and images). One holder, one pin. @throws notFound. conflict: the holder pins something else. */
  pin(at: At, holder: string): Promise<{ path: string }>;

  /** G3. */
  unpin(holder: string): Promise<void>;

  /** The one folder of this id under `stateDir`, mode 0700, made if absent: logs, hosts, resolv.conf, hostname. */
  folder(id: string): Promise<{ path: string }>;

  /** Deletes that folder (G3). */
  dropFolder(id: string): Promise<void>;

  /** An existing folder stays as it is. @throws notFound: a parent, without `parents`. conflict: not a folder. */
  mkdir(at: At, o: { mode: number; uid: number; gid: number; parents: boolean }): Promise<void>;

  /** @throws notFound: the folder. conflict: the name is taken. */
  symlink(at: At, target: string, o: { uid: number; gid: number }): Promise<void>;

  /** Recursive, never leaving the tree (G3). */
  remove(at: At): Promise<void>;

  /** Everything below, parents first. @param o.hash Digest each regular file. @throws notFound, at the first `next()`. */
  walk(at: At, o?: Call & { hash?: boolean }): AsyncIterable<WalkEntry>;

  /** As of ps(1), for all processes of the host. @throws invalid: an argument that ps does not know. */
  ps(args: string[]): Promise<{ titles: string[]; rows: string[][] }>;
}

/** A path in an open tree. */
export type At = { tree: string; path: string };
