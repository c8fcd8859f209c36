import { dockerMounts, type OciMount } from '@gantry/oci';
import { tmpfsOptions } from '../config/tmpfs.ts';
import type { ContainerConfig } from '../types/index.ts';

/** Files that the engine wrote for the container, on the containers' machine. */
export interface ContainerFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

/** The mounts of a container, shallow ones first, so that none hides another. */
export function containerMounts(config: ContainerConfig, files: ContainerFiles): readonly OciMount[] {
  const own = [...tmpfsMounts(config), ...fileMounts(config, files)];
  const taken = new Set(own.map(({ destination }) => destination));
  const defaults = dockerMounts.flatMap((mount) => defaultMount(mount, config)).filter(({ destination }) => !taken.has(destination));
  // Sorting keeps the order of equals, and what Docker mounts inside /dev comes behind /dev.
  return [...defaults, ...own.sort((a, b) => depth(a) - depth(b))];
}

function depth({ destination }: OciMount): number {
  return destination.split('/').length;
}

function defaultMount(mount: OciMount, { namespaces, filesystem, security }: ContainerConfig): readonly OciMount[] {
  const { options = [] } = mount;
  switch (mount.destination) {
    case '/sys':
    case '/sys/fs/cgroup':
      return [security.privileged ? { ...mount, options: options.map((option) => (option === 'ro' ? 'rw' : option)) } : mount];
    case '/dev/shm':
      if (namespaces.ipc === 'none') return [];
      if (namespaces.ipc === 'host') return [bindOf('/dev/shm')];
      return [{ ...mount, options: options.map((option) => (option.startsWith('size=') ? `size=${filesystem.shmSize}` : option)) }];
    case '/dev/mqueue':
      return [namespaces.ipc === 'host' ? bindOf('/dev/mqueue') : mount];
    default:
      return [mount];
  }
}

function bindOf(path: string): OciMount {
  return { destination: path, type: 'bind', source: path, options: ['rbind', 'nosuid', 'noexec', 'nodev'] };
}

function tmpfsMounts({ filesystem }: ContainerConfig): OciMount[] {
  return Object.entries(filesystem.tmpfs).map(([destination, options]) => ({ destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(destination, options) }));
}

function fileMounts({ filesystem }: ContainerConfig, files: ContainerFiles): OciMount[] {
  const options = ['rbind', 'rprivate', filesystem.readonlyRoot ? 'ro' : 'rw'];
  return [
    { destination: '/etc/resolv.conf', type: 'bind', source: files.resolvConf, options },
    { destination: '/etc/hostname', type: 'bind', source: files.hostname, options },
    { destination: '/etc/hosts', type: 'bind', source: files.hosts, options },
  ];
}
