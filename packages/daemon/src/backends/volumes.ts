import type { VolumesBackend } from '@gantry/api';
import { GantryError } from '@gantry/errors';

/** There are none. */
export const volumesBackend: VolumesBackend = {
  list: async () => ({ Volumes: [], Warnings: null }),
  inspect: async (name) => {
    throw new GantryError('notFound', 'no-such-volume', `get ${name}: no such volume`, { details: { volume: name } });
  },
};
