import type { PluginModule } from '@gantry/driver-api';
import { hostPlugin } from './host-plugin.ts';
import { runtimePlugin } from './runtime-plugin.ts';

const plugins: PluginModule = [runtimePlugin, hostPlugin];

export default plugins;
export { hostPlugin } from './host-plugin.ts';
export { runtimePlugin } from './runtime-plugin.ts';
export { LinuxHost } from './host/host.ts';
export { LinuxRuntime } from './runtime.ts';
export * from './seccomp/index.ts';
