import { GantryError } from '@gantry/errors';

/** `-e` as Docker reads it: `NAME=value`, or `NAME` to hand on this process's value (nothing, if it has none). */
export function environment(entries: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] {
  const out: string[] = [];
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals === 0 || entry === '') throw new GantryError('invalid', 'bad-flag-value', `invalid environment variable: ${entry}`);
    if (equals > 0) out.push(entry);
    else if (env[entry] !== undefined) out.push(`${entry}=${env[entry]}`);
  }
  return out;
}
