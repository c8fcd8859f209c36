import { quoted, tarInvalid, tarLimit } from './tar-error.ts';
import type { TarLimits } from './tar-types.ts';

const slash = 0x2f;
const dot = 0x2e;
/** NAME_MAX: no file system has longer names. */
const maxComponent = 255;
/** Of a symbolic link's target: PATH_MAX without the final zero. */
const maxTarget = 4095;

/**
 * A name of an archive in its normal form: what leads from the archive's top to the file. The top itself is empty.
 *
 * @throws GantryError invalid `tar-unsafe-name`: empty, with a zero byte, or with a `..` component; exhausted `tar-limit`.
 */
export function normalName(bytes: Buffer, offset: number, limits: TarLimits): Buffer {
  if (bytes.length === 0) throw tarInvalid(offset, 'an entry has no name', 'tar-unsafe-name');
  if (bytes.length > limits.maxName) throw tarLimit(offset, `a name of ${bytes.length} bytes`);
  if (bytes.includes(0)) throw tarInvalid(offset, `the name ${quoted(bytes)} holds a zero byte`, 'tar-unsafe-name');
  const name = stripped(bytes);
  let normal = true;
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= name.length; at += 1) {
    if (at < name.length && name[at] !== slash) continue;
    const length = at - start;
    if (length === 0 || (length === 1 && name[start] === dot)) normal = name.length === 0;
    else if (length === 2 && name[start] === dot && name[start + 1] === dot) throw tarInvalid(offset, `the name ${quoted(bytes)} goes up by ".."`, 'tar-unsafe-name');
    else if (length > maxComponent) throw tarInvalid(offset, `a part of the name ${quoted(bytes)} is longer than ${maxComponent} bytes`, 'tar-unsafe-name');
    else depth += 1;
    start = at + 1;
  }
  if (depth > limits.maxDepth) throw tarLimit(offset, `a name of ${depth} parts`);
  return normal ? name : rebuild(name);
}

/** Without what most names that are not normal differ by: `./` or `/` in front, `/` behind. */
function stripped(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === slash) end -= 1;
  for (;;) {
    if (bytes[start] === slash) start += 1;
    else if (bytes[start] === dot && (bytes[start + 1] === slash || start + 1 === end)) start += 1;
    else break;
  }
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(Math.min(start, end), end);
}

function rebuild(bytes: Buffer): Buffer {
  // One character per byte, so that nothing is lost.
  const parts = bytes.toString('latin1').split('/').filter((part) => part !== '' && part !== '.');
  return Buffer.from(parts.join('/'), 'latin1');
}

/** A symbolic link's target, which may be anything but empty, too long or cut by a zero byte. */
export function linkTarget(bytes: Buffer, offset: number): Buffer {
  if (bytes.length === 0) throw tarInvalid(offset, 'a symbolic link has no target');
  if (bytes.length > maxTarget) throw tarInvalid(offset, `the target of a symbolic link has ${bytes.length} bytes`);
  if (bytes.includes(0)) throw tarInvalid(offset, `the target ${quoted(bytes)} of a symbolic link holds a zero byte`);
  return bytes;
}

export function endsInSlash(bytes: Buffer): boolean {
  return bytes[bytes.length - 1] === slash;
}
