import type { Host } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { nothing, notFound, type World } from './world.ts';

const unused = (): never => {
  throw new GantryError('notImplemented', 'unused', 'the engine does not use this');
};

const machine = new Map([['/etc/resolv.conf', 'nameserver 192.0.2.53\n'], ['/etc/hosts', '127.0.0.1 localhost\n']]);

/** The host seam over a `World`: folders are real entries of it, trees see the machine's, an image's, or a folder's files. */
export function memoryHost(world: World, generation: number): Host {
  const enter = (call: string): Promise<void> => world.enter(generation, `host.${call}`);
  const trees = new Map<string, string>();
  const rootOf = (tree: string): string => {
    const root = trees.get(tree);
    if (root === undefined) throw notFound(`tree ${tree}`);
    return root;
  };
  return {
    name: 'memory',
    domain: 'local',
    status: async () => [],
    check: nothing,
    info: async () => ({ kernel: '6.18.0', arch: 'amd64', os: 'linux', cpus: 4, memory: 8 * 1024 ** 3, cgroup: 'v2', systemd: false, features: {} }),
    async openTree(key, { root }) {
      await enter('openTree');
      trees.set(key, root);
    },
    async closeTree(key) {
      trees.delete(key);
    },
    async stat({ tree, path }) {
      rootOf(tree);
      if (path !== '/dev/fuse' && path !== '/dev/sda') throw notFound(path);
      return { mode: path === '/dev/sda' ? 0o060660 : 0o020666, uid: 0, gid: 0, size: 0, mtime: '2026-01-01T00:00:00Z', rdev: path === '/dev/sda' ? [8, 0] : [10, 229] };
    },
    async readFile({ tree, path }) {
      const root = rootOf(tree);
      const text = root === '/' ? machine.get(path) : root.startsWith('/mnt/') ? world.imageFiles.get(path) : world.files.get(root + path);
      if (text === undefined) throw notFound(path);
      return Buffer.from(text);
    },
    async writeFile({ tree, path }, data) {
      await enter('writeFile');
      world.files.set(rootOf(tree) + path, Buffer.from(data).toString());
    },
    tar: unused,
    untar: unused,
    copy: unused,
    pin: unused,
    unpin: unused,
    async folder(id) {
      await enter('folder');
      world.folders.add(id);
      return { path: `/state/${id}` };
    },
    async dropFolder(id) {
      await enter('dropFolder');
      world.folders.delete(id);
    },
    async mkdir({ tree }) {
      rootOf(tree);
      await enter('mkdir');
    },
    symlink: unused,
    async remove({ tree, path }) {
      await enter('remove');
      for (const file of [...world.files.keys()]) if (file.startsWith(`${rootOf(tree)}${path}/`)) world.files.delete(file);
    },
    walk: unused,
    ps: unused,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
