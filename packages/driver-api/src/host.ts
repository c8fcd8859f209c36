import type { Bytes, Call, Driver, IdMap, Mount, Strings, Time } from './common.ts';

export interface Host extends Driver {
  info(): Promise<{ kernel: string; arch: string; os: string; cpus: number; memory: number; cgroup: 'v1' | 'v2'; systemd: boolean; features: Strings }>;
  /** A helper process in its own mount namespace: root = this tree with these mounts, ids mapped. For cp, export, copy-up, COPY, passwd look-up, hosts and resolv.conf. Ends with the session. */
  openTree(key: string, t: { root: string; mounts: Mount[]; idmap?: IdMap; readOnly?: boolean }, o?: Call): Promise<void>;
  closeTree(key: string): Promise<void>;
  stat(at: At, o?: { follow?: boolean }): Promise<{ mode: number; uid: number; gid: number; size: number; mtime: Time; link?: string; rdev?: [number, number] }>;
  readFile(at: At, o: { max: number }): Promise<Uint8Array>;
  writeFile(at: At, data: Uint8Array, o: { mode: number; uid: number; gid: number }): Promise<void>;
  tar(at: At, o?: Call & { exclude?: string[]; rename?: string }): Bytes;
  untar(at: At, tar: Bytes, o: Call & { maxBytes: number; maxInodes: number; chown?: { uid: number; gid: number }; keepTypes?: boolean }): Promise<void>;
  copy(from: At, to: At, o?: Call & { exclude?: string[]; include?: string[]; chmod?: string; chown?: { uid: number; gid: number } }): Promise<void>;
  /** Resolves in root and bind-mounts what it found: a source that can't be swapped (volume and image subpaths). */
  /** One holder, one pin */
  pin(at: At, holder: string): Promise<{ path: string }>;
  unpin(holder: string): Promise<void>;
  /** One 0700 folder under stateDir for this id: logs, hosts, resolv.conf, hostname. */
  folder(id: string): Promise<{ path: string }>;
  dropFolder(id: string): Promise<void>;
  mkdir(at: At, o: { mode: number; uid: number; gid: number; parents: boolean }): Promise<void>;
  symlink(at: At, target: string, o: { uid: number; gid: number }): Promise<void>;
  /** Recursive, never leaving the root */
  remove(at: At): Promise<void>;
  walk(at: At, o?: Call & { hash?: boolean }): AsyncIterable<{ path: string; mode: number; uid: number; gid: number; size: number; ino: string; mtime: Time; link?: string; digest?: string }>;
  ps(args: string[]): Promise<{ titles: string[]; rows: string[][] }>;
}
export type At = { tree: string; path: string };
