import { createHash, randomBytes } from 'node:crypto';
import { GantryError } from '@gantry/errors';

const maxLength = 1024;

/**
 * The file name that an id or key is stored under. Ids come from clients: they never become part of a path themselves.
 * 128 bits of SHA-256; each record holds the whole id, so a collision would be seen.
 *
 * @throws GantryError invalid `bad-storage-id`
 */
export function nameOf(id: string): string {
  if (id === '' || id.length > maxLength) {
    throw new GantryError('invalid', 'bad-storage-id', `an id of storage has 1 to ${maxLength} characters, not ${id.length}`);
  }
  return createHash('sha256').update(id).digest('hex').slice(0, 32);
}

export function isName(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/** For what is under way or set aside. */
export function freshName(): string {
  return randomBytes(16).toString('hex');
}
