import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ns } from '@gantry/driver-api';
import { dockerCapabilities, dockerDeviceRules, dockerMaskedPaths, dockerMounts, dockerReadonlyPaths, type OciProcess, type OciSpec } from '@gantry/oci';

/** What a container of the kit has for itself. */
export const allNamespaces: readonly Ns[] = ['net', 'ipc', 'uts', 'pid', 'cgroup'];

/** A process of the kit. @param args As for `sh -c` if it is text. */
export function program(args: string | readonly string[]): OciProcess {
  return {
    args: typeof args === 'string' ? ['/bin/sh', '-c', args] : args,
    cwd: '/',
    env: ['PATH=/bin', 'HOME=/root'],
    user: { uid: 0, gid: 0, additionalGids: [0] },
    capabilities: { bounding: dockerCapabilities, permitted: dockerCapabilities, effective: dockerCapabilities },
  };
}

/** What Docker gives a container, with the root read-only and a `/tmp` of its own. */
export function baseSpec(rootfs: string, process: OciProcess): OciSpec {
  return {
    ociVersion: '1.2.0',
    process,
    root: { path: rootfs, readonly: true },
    mounts: [...dockerMounts, { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] }],
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'network' }, { type: 'ipc' }, { type: 'uts' }, { type: 'pid' }, { type: 'cgroup' }],
      resources: { devices: dockerDeviceRules },
      maskedPaths: dockerMaskedPaths(64),
      readonlyPaths: dockerReadonlyPaths,
    },
  };
}

const applets = [
  'awk', 'cat', 'chmod', 'cp', 'cut', 'date', 'dd', 'df', 'echo', 'env', 'expr', 'false', 'find', 'grep', 'head', 'hostname', 'id', 'ifconfig', 'kill', 'ln', 'ls', 'mkdir', 'mknod', 'mktemp', 'mount', 'mv',
  'nc', 'od', 'ping', 'printf', 'ps', 'pwd', 'readlink', 'rm', 'seq', 'sh', 'sleep', 'sort', 'stat', 'stty', 'tail', 'test', 'touch', 'tr', 'true', 'tty', 'uname', 'wc', 'which', 'yes',
];

/** Makes a tree that the kit can run on, from a static busybox. */
export async function busyboxRootfs(folder: string, busybox = '/bin/busybox'): Promise<string> {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'work']) await mkdir(join(folder, name), { recursive: true });
  await chmod(folder, 0o755); // every user of a container goes through it
  await copyFile(busybox, join(folder, 'bin/busybox'));
  await chmod(join(folder, 'bin/busybox'), 0o755);
  for (const name of applets) await symlink('busybox', join(folder, 'bin', name));
  await writeFile(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(folder, 'etc/group'), 'root:x:0:\n');
  await writeFile(join(folder, 'etc/not-executable'), '#!/bin/sh\n', { mode: 0o644 });
  return folder;
}
