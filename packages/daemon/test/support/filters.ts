import { toSelection, type ContainerSelection } from '../../src/wire/container-filters.ts';

export function toContainerFiltersForTest(filters: Readonly<Record<string, readonly string[]>>, limit?: number): ContainerSelection {
  return toSelection({ all: false, size: false, filters: new Map(Object.entries(filters)), ...(limit === undefined ? {} : { limit }) });
}
