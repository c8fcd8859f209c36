import { GantryError } from '@gantry/errors';
import type { FsPath } from './fs-types.ts';

const slash = 0x2f;
const dot = 0x2e;
/** As the native side has it. */
const maxPath = 32 * 1024;

/**
 * The normal form of a path inside a tree: no leading, trailing or repeated `/`, no `.` component; the root is empty.
 *
 * @throws GantryError invalid `fs-path`: it has a `..` component or a zero byte, or more than 32 KiB.
 */
export function normalPath(path: FsPath): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path) : Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  if (bytes.length > maxPath) throw refused(bytes, `it is longer than ${maxPath} bytes`);
  if (bytes.includes(0)) throw refused(bytes, 'it holds a zero byte');
  return isNormal(bytes) ? bytes : rebuild(bytes);
}

/** Whether no component is empty, `.` or `..`. */
function isNormal(bytes: Buffer): boolean {
  let start = 0;
  for (let at = 0; at <= bytes.length; at += 1) {
    if (at < bytes.length && bytes[at] !== slash) continue;
    const length = at - start;
    if (length === 0 && bytes.length > 0) return false;
    if (bytes[start] === dot && (length === 1 || (length === 2 && bytes[start + 1] === dot))) return false;
    start = at + 1;
  }
  return true;
}

function rebuild(bytes: Buffer): Buffer {
  // One character per byte, so that nothing is lost.
  const names = bytes.toString('latin1').split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw refused(bytes, 'it goes up by ".."');
  return Buffer.from(names.join('/'), 'latin1');
}

function refused(bytes: Buffer, why: string): GantryError {
  return new GantryError('invalid', 'fs-path', `The path ${printable(bytes)} cannot be used: ${why}`, { details: { path: printable(bytes) } });
}

/** Bytes of a name for a message: quoted, and cut if long. */
export function printable(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 300)).toString();
  return JSON.stringify(bytes.byteLength > 300 ? `${text}...` : text);
}
