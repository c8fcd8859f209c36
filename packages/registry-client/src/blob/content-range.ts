/**
 * Whether a 206 response is exactly what was asked for: from `offset` to the end of a blob of `size` bytes
 * (RFC 9110, 14.4). The whole size may be unknown to the server (`*`).
 */
export function isRangeFrom(contentRange: string | undefined, offset: number, size: number): boolean {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(contentRange ?? '');
  if (match === null) return false;
  const [, first, last, total] = match;
  return Number(first) === offset && Number(last) === size - 1 && (total === '*' || Number(total) === size);
}
