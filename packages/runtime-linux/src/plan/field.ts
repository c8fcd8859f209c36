import { inspect } from 'node:util';
import { GantryError } from '@gantry/errors';

/**
 * The error of a spec or request that can never run, named by its field (`linux.rlimits[2].type`), so that whoever
 * wrote it finds the place.
 */
export function badField(field: string, problem: string, value?: unknown): GantryError {
  const shown = value === undefined ? '' : ` (got ${show(value)})`;
  return new GantryError('invalid', 'spec-field-invalid', `${field} ${problem}${shown}`, { details: { field } });
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 2, breakLength: Infinity });
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

/** An integer within [min, max]. */
export function integer(value: number, field: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) throw badField(field, `must be an integer from ${min} to ${max}`, value);
  return value;
}

/** One of the values that a field can have: plain data need not be what its type says. */
export function oneOf<T extends string>(value: T, allowed: readonly T[], field: string): T {
  if (!allowed.includes(value)) throw badField(field, `must be one of ${allowed.join(', ')}`, value);
  return value;
}

/** User and group ids: -1 means "leave it" to the kernel, so the last id is 2^32 - 2. */
export function userId(value: number, field: string): number {
  return integer(value, field, 0, 2 ** 32 - 2);
}

/** Text that is handed to the kernel as a C string. */
export function cString(value: string, field: string): string {
  if (value.includes('\0')) throw badField(field, 'must not contain a NUL character', value);
  return value;
}

/** An absolute path, normalised: without `.`, `..`, double and trailing slashes. */
export function absolutePath(value: string, field: string): string {
  cString(value, field);
  if (!value.startsWith('/')) throw badField(field, 'must be an absolute path', value);
  if (Buffer.byteLength(value) >= 4096) throw badField(field, 'is longer than a path can be (4095 bytes)');
  const parts: string[] = [];
  for (const part of value.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}
