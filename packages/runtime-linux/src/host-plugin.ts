import { definePlugin, type Plugin } from '@gantry/driver-api';
import { findCgroups } from './cgroup/tree.ts';
import { hostInfo } from './host/info.ts';
import { openHost } from './host/open-host.ts';
import { probeHost } from './probe.ts';

/** The host `linux`: the machine that this process runs on. */
export const hostPlugin: Plugin<'host'> = definePlugin<'host'>({
  kind: 'host',
  name: 'linux',
  optionsSchema: { type: 'object', additionalProperties: false, properties: {} },
  probe: () => Promise.resolve(probeHost()),
  open: async (context) => openHost(context, await hostInfo(await findCgroups())),
});
