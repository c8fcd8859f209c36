/** Numbers of tar headers. `undefined`: it is none, and the caller says where. */

const zero = 0x30;
const seven = 0x37;
const space = 0x20;

/**
 * A field of a header: octal digits in ASCII behind spaces, ended by a space, a NUL or the field's end; blank is 0. A first
 * byte with its top bit set: a big-endian two's complement number of 256-based digits (GNU).
 */
export function headerNumber(block: Buffer, start: number, length: number): number | undefined {
  const first = block[start] ?? 0;
  if (first === 0x80 || first === 0xff) return base256(block, start + 1, start + length, first === 0xff);
  if (first >= 0x80) return undefined;
  const end = start + length;
  let at = start;
  // A NUL in front: left by writers whose field before it ran over.
  if (first === 0) at += 1;
  while (at < end && block[at] === space) at += 1;
  let value = 0;
  let digits = 0;
  for (; at < end; at += 1) {
    const byte = block[at] ?? 0;
    if (byte < zero || byte > seven) break;
    value = value * 8 + (byte - zero);
    digits += 1;
  }
  const ended = at === end || block[at] === 0 || block[at] === space;
  if (!ended) return undefined;
  return digits === 0 && !isBlank(block, at, end) ? undefined : value;
}

function isBlank(block: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (block[at] !== 0 && block[at] !== space) return false;
  }
  return true;
}

function base256(block: Buffer, start: number, end: number, negative: boolean): number | undefined {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const byte = block[at] ?? 0;
    // Of a negative number the complement is summed up, which is its distance below -1.
    value = value * 256 + (negative ? 255 - byte : byte);
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return negative ? -1 - value : value;
}

/** A decimal number without sign, as extended headers have it. */
export function decimal(bytes: Buffer): number | undefined {
  if (bytes.length === 0 || bytes.length > 16) return undefined;
  let value = 0;
  for (const byte of bytes) {
    if (byte < zero || byte > 0x39) return undefined;
    value = value * 10 + (byte - zero);
  }
  return value > Number.MAX_SAFE_INTEGER ? undefined : value;
}

const timePattern = /^(-?)(\d{1,18})(?:\.(\d{0,64}))?$/;

/** Seconds with a decimal fraction, as nanoseconds; what is finer is cut off. */
export function decimalTime(bytes: Buffer): bigint | undefined {
  const match = timePattern.exec(bytes.toString('latin1'));
  if (match === null) return undefined;
  const [, sign, seconds = '', fraction = ''] = match;
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -ns : ns;
}
