import type { RuntimeCapabilities } from '@gantry/driver-api';
import { canFreeze } from './cgroup/freezer.ts';
import { placeOf, type CgroupHost } from './cgroup/hierarchy.ts';
import { allCapabilities } from './plan/capabilities.ts';
import { mountOptionNames } from './plan/mount-options.ts';

/** What this runtime can do on this machine. */
export function runtimeCapabilities(host: CgroupHost): RuntimeCapabilities {
  return { pause: canFreeze(placeOf(host, '')), update: true, checkpoint: false, pool: false, cgroup: host.mode, features: features(host) };
}

/** As of the OCI runtime specification, "Features Structure". */
function features(host: CgroupHost): object {
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.2.0',
    hooks: [],
    mountOptions: mountOptionNames,
    linux: {
      namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts'],
      capabilities: allCapabilities,
      cgroup: { v1: host.mode === 'v1', v2: host.mode === 'v2', systemd: false, systemdUser: false, rdma: false },
      seccomp: { enabled: true },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      mountExtensions: { idmap: { enabled: false } },
    },
  };
}
