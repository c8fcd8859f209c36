import type { Filters, NetworksBackend } from '@gantry/api';
import type { Network } from '@gantry/api-types';
import type { Engine } from '@gantry/engine';
import { GantryError } from '@gantry/errors';
import { networksOf } from '../wire/networks.ts';

/** Each given filter must hold; within one any value may. A part of a name or the beginning of an ID is enough. */
export function passes(network: Network, filters: Filters): boolean {
  const any = (name: string, test: (value: string) => boolean): boolean => filters.get(name)?.some(test) ?? true;
  return (
    any('name', (value) => network.Name.includes(value)) &&
    any('id', (value) => network.Id.startsWith(value)) &&
    any('driver', (value) => network.Driver === value) &&
    any('scope', (value) => network.Scope === value) &&
    any('type', (value) => value === 'builtin') &&
    any('label', () => false) &&
    any('dangling', (value) => value === 'false' || value === '0')
  );
}

export function networksBackend(engine: Engine, opened: string): NetworksBackend {
  const networks = networksOf(engine.id, opened);
  return {
    list: async ({ filters }) => networks.filter((network) => passes(network, filters)),
    inspect: async (id) => {
      const found = networks.find(({ Name, Id }) => Name === id || Id === id) ?? networks.find(({ Id }) => id.length > 0 && Id.startsWith(id));
      if (found === undefined) throw new GantryError('notFound', 'no-such-network', `network ${id} not found`, { details: { network: id } });
      return found;
    },
  };
}
