/** What a tar archive holds, as types shared by the reader and the writer. */

interface TarMeta {
  /**
   * The name as bytes, normalised: no leading `/` or `./`, no empty or `.` components, no trailing `/`; the root of the
   * archive is empty. Never has a `..` component or NUL.
   */
  readonly path: Buffer;
  /** Permission bits with set-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** By name; names are byte strings (one character per byte). */
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** A piece of a file: bytes, or a run of zeros that need not be stored. */
export type TarChunk = { readonly data: Uint8Array } | { readonly hole: number };

/** A stretch of a sparse file that is stored; what lies between the regions is zeros. */
export interface TarRegion {
  readonly offset: number;
  readonly bytes: number;
}

export type TarHeader =
  | (TarMeta & {
      readonly type: 'file';
      /** Of the file as it is when extracted, with its holes. */
      readonly size: number;
      readonly sparse?: readonly TarRegion[];
    })
  | (TarMeta & { readonly type: 'dir' })
  | (TarMeta & { readonly type: 'fifo' })
  | (TarMeta & { readonly type: 'symlink'; readonly link: Buffer })
  /** `link` is a name of this archive, normalised like `path`. */
  | (TarMeta & { readonly type: 'hardlink'; readonly link: Buffer })
  | (TarMeta & { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number });

export type TarEntryType = TarHeader['type'];

/** An entry as `readTar` yields it. */
export interface TarEntry {
  readonly header: TarHeader;
  /** Where the entry's first header block starts in the archive. */
  readonly offset: number;
  /** The content of a file, as views of the chunks that came in; it skips to the next entry if not read to its end. */
  readonly content: AsyncIterable<TarChunk>;
}

/** An entry for `writeTar`: paths need not be normalised, everything but type and path has a default. */
export type TarInput = {
  readonly path: string | Uint8Array;
  /** 0o755 for directories, 0o777 for symbolic links, else 0o644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** 0 unless told, so that equal input gives equal bytes. */
  readonly mtimeNs?: bigint;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
} & (
  | { readonly type: 'file'; readonly data: Uint8Array }
  | { readonly type: 'file'; readonly size: number; readonly data: AsyncIterable<Uint8Array> }
  | { readonly type: 'dir' | 'fifo' }
  | { readonly type: 'symlink' | 'hardlink'; readonly link: string | Uint8Array }
  | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }
);

/** Bounds on what an archive may ask for; passing one is `GantryError` `exhausted`. */
export interface TarLimits {
  /** Entries: 2,000,000. */
  readonly maxEntries: number;
  /** Sum of the sizes of all files, holes included: 1 TiB. */
  readonly maxBytes: number;
  /** Bytes of one name or link target: 32 KiB. */
  readonly maxName: number;
  /** Components of one name: 1,024. */
  readonly maxDepth: number;
  /** Bytes of one extended header: 1 MiB. */
  readonly maxExtended: number;
  /** Regions of one sparse file: 262,144. */
  readonly maxRegions: number;
}
