import { definePlugin, type Plugin } from '@gantry/driver-api';
import { openStore } from '@gantry/storage-dirs';
import { probe } from './probe.ts';
import { VfsFormat } from './vfs-format.ts';

/** Each layer and snapshot a whole tree, by reflink or copy: works on any file system of Linux. */
const plugin: Plugin<'storage'> = definePlugin({
  kind: 'storage',
  name: 'vfs',
  optionsSchema: { type: 'object', additionalProperties: false },
  probe,
  open: (context) => openStore(context, (tools) => new VfsFormat(tools)),
});

export default plugin;
