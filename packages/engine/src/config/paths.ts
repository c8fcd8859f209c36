import { badConfig } from './invalid.ts';

/** PATH_MAX. */
const maxPath = 4095;

/** A clean absolute path inside a container. @throws GantryError invalid `bad-container-config`. */
export function containerPath(field: string, path: string, message: string): string {
  if (!path.startsWith('/') || path.includes('\0') || Buffer.byteLength(path) > maxPath) throw badConfig(field, message);
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
