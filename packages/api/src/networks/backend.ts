import type { Network, NetworkInspect } from '@gantry/api-types';
import type { Filters } from '../http/filters.ts';

/** What the routes of networks need. */
export interface NetworksBackend {
  list(query: { readonly filters: Filters }): Promise<readonly Network[]>;
  /** By name, ID, or prefix of one. @throws GantryError notFound */
  inspect(id: string): Promise<NetworkInspect>;
}
