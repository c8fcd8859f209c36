import { definePlugin, type Plugin } from '@gantry/driver-api';
import { openStore } from '@gantry/storage-dirs';
import { optionsSchema, type OverlayOptions } from './options.ts';
import { OverlayFormat } from './overlay-format.ts';
import { probe } from './probe.ts';

export type { OverlayOptions } from './options.ts';

/** Layers as directories, containers as overlayfs mounts. */
const plugin: Plugin<'storage', OverlayOptions> = definePlugin({
  kind: 'storage',
  name: 'overlay',
  optionsSchema,
  probe,
  open: (context, options) => openStore(context, (tools) => new OverlayFormat(tools, options)),
});

export default plugin;
