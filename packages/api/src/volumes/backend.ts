import type { Volume, VolumeListResponse } from '@gantry/api-types';
import type { Filters } from '../http/filters.ts';

/** What the routes of volumes need. */
export interface VolumesBackend {
  list(query: { readonly filters: Filters }): Promise<VolumeListResponse>;
  /** @throws GantryError notFound */
  inspect(name: string): Promise<Volume>;
}
