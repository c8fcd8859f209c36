import { GantryError } from '@gantry/errors';

/**
 * Ids name files and control groups, so they are checked wherever one comes in.
 *
 * @throws `GantryError` invalid `id-invalid`
 */
export function checkId(id: string, what: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id)) return id;
  throw new GantryError('invalid', 'id-invalid', `${JSON.stringify(id)} is no id of a ${what}: it must be up to 128 letters, digits, "_", "." and "-"`, { details: { id } });
}
