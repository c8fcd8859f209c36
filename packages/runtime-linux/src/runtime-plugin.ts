import { definePlugin, type Plugin } from '@gantry/driver-api';
import { findCgroups } from './cgroup/tree.ts';
import { openRuntime } from './open-runtime.ts';
import { probeRuntime } from './probe.ts';

/** The runtime `linux`: containers by namespaces and control groups. */
export const runtimePlugin: Plugin<'runtime'> = definePlugin<'runtime'>({
  kind: 'runtime',
  name: 'linux',
  optionsSchema: { type: 'object', additionalProperties: false, properties: {} },
  probe: () => probeRuntime(),
  open: async (context) => openRuntime(context, await findCgroups()),
});
