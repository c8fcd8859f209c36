import { quoted, tarInvalid } from './tar-error.ts';

const prefix = '.wh.';
const metaPrefix = '.wh..wh.';
const opaqueName = '.wh..wh..opq';

/** What the last part of a name says about the layers below. */
export type Marker = { readonly kind: 'none' } | { readonly kind: 'opaque' } | { readonly kind: 'ignored' } | { readonly kind: 'whiteout'; readonly name: string };

const none: Marker = { kind: 'none' };
const opaque: Marker = { kind: 'opaque' };
const ignored: Marker = { kind: 'ignored' };

/**
 * Reads the last part of a name as the OCI image specification has it (layer.md, "Whiteouts"). Other names that begin with
 * `.wh..wh.` are book-keeping of AUFS, and ignored.
 *
 * @throws GantryError invalid `tar-unsafe-name`: a whiteout of `.`, `..` or nothing.
 */
export function markerOf(name: string, offset: number): Marker {
  if (!name.startsWith(prefix)) return none;
  if (name === opaqueName) return opaque;
  if (name.startsWith(metaPrefix)) return ignored;
  const hidden = name.slice(prefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..') throw tarInvalid(offset, `${quoted(Buffer.from(name, 'latin1'))} would hide a directory itself`, 'tar-unsafe-name');
  return { kind: 'whiteout', name: hidden };
}

/** Whether a directory's path has a part that belongs to AUFS's book-keeping. */
export function isBookKeeping(directory: string): boolean {
  return directory.startsWith(metaPrefix) || directory.includes(`/${metaPrefix}`);
}

/**
 * A whiteout is no directory: nothing can lie in it.
 *
 * @throws GantryError invalid `tar-unsafe-name`
 */
export function refuseWhiteoutParents(directory: string, offset: number): void {
  if (directory.startsWith(prefix) || directory.includes(`/${prefix}`)) throw tarInvalid(offset, `something lies in the whiteout ${quoted(Buffer.from(directory, 'latin1'))}`, 'tar-unsafe-name');
}

/** The name of the file that stands for a deleted one in a layer's tar. */
export function whiteoutName(name: string): string {
  return prefix + name;
}

/** The name of the file that makes its directory opaque in a layer's tar. */
export const opaqueMarker: string = opaqueName;
