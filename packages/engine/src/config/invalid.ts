import { GantryError } from '@gantry/errors';

/** A request that can never succeed. `field` is named as in `CreateContainer`. */
export function badConfig(field: string, message: string): GantryError {
  return new GantryError('invalid', 'bad-container-config', message, { details: { field } });
}

/** Something that this release cannot do, refused by its name. */
export function notYet(field: string, what: string): GantryError {
  return new GantryError('notImplemented', 'not-yet', `${what} cannot be used yet: this release of Gantry does not have it`, { details: { field } });
}
