import { GantryError } from '@gantry/errors';

/** The archive is not what it says it is, or asks for what is never done. `offset`: of the header concerned, in bytes. */
export function tarInvalid(offset: number, why: string, code = 'tar-malformed'): GantryError {
  return new GantryError('invalid', code, `The tar archive cannot be used: ${why} (at byte ${offset})`, { details: { offset } });
}

/** A limit was passed. */
export function tarLimit(offset: number, why: string): GantryError {
  return new GantryError('exhausted', 'tar-limit', `The tar archive asks for too much: ${why} (at byte ${offset})`, { details: { offset } });
}

/** Bytes of a name for a message: quoted, and cut if long. */
export function quoted(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 200)).toString();
  return JSON.stringify(bytes.byteLength > 200 ? `${text}...` : text);
}
