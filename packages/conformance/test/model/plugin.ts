import { definePlugin, type Plugin } from '@gantry/driver-api';
import { openNative } from '@gantry/linux';
import { ModelDriver, type Fault } from './driver.ts';

const plugin: Plugin<'storage', { fault?: Fault }> = definePlugin({
  kind: 'storage',
  name: 'model',
  optionsSchema: { type: 'object' },
  probe: async () => ({ ok: true }),
  open: async (context, { fault }) => await ModelDriver.open(context, await openNative({ runDir: context.runDir, instance: context.instance }), fault),
});

export default plugin;
