import { createHash } from 'node:crypto';
import type { NetworkInspect } from '@gantry/api-types';

/** The networks that need no driver. */
const builtIn = [
  { name: 'host', driver: 'host' },
  { name: 'none', driver: 'null' },
] as const;

/** The same for good on one data root, another on the next. */
export function networkId(engineId: string, name: string): string {
  return createHash('sha256').update(`${engineId}/network/${name}`).digest('hex');
}

/** The networks of an engine. `created`: when its data root was, as RFC 3339. */
export function networksOf(engineId: string, created: string): readonly NetworkInspect[] {
  return builtIn.map(({ name, driver }) => ({
    Name: name,
    Id: networkId(engineId, name),
    Created: created,
    Scope: 'local',
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  }));
}
