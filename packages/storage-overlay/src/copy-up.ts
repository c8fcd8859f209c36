import type { FsMeta, FsSession, FsStat, FsXattrs } from '@gantry/linux';

/** Copies one inode that is no folder, with all that is known of it; holes are not kept. `to` is replaced. */
export async function copyUp(session: FsSession, from: Uint8Array, stat: FsStat, to: Uint8Array): Promise<void> {
  const { mode, uid, gid, mtimeNs } = stat;
  const meta: FsMeta = { mode, uid, gid, mtimeNs, xattrs: await xattrsOf(session, from) };
  const batch = session.batch();
  switch (stat.type) {
    case 'file':
      batch.fileBegin(to, meta);
      for await (const chunk of session.read(from)) {
        batch.data(chunk);
        await batch.drain();
      }
      batch.fileEnd();
      break;
    case 'symlink':
      batch.symlink(to, stat.link, meta);
      break;
    case 'char':
    case 'block':
      batch.mknod(to, { type: stat.type, major: stat.major, minor: stat.minor }, meta);
      break;
    case 'fifo':
      batch.mknod(to, { type: 'fifo' }, meta);
      break;
    case 'dir':
    case 'socket':
      break; // neither can be named by a hard link in a tar
  }
  await batch.close();
}

/** All that are the inode's own, not overlayfs's. */
export async function xattrsOf(session: FsSession, path: Uint8Array): Promise<FsXattrs> {
  const names = (await session.listxattr(path)).filter((name) => !name.startsWith('trusted.overlay.'));
  const values = await Promise.all(names.map(async (name) => [name, await session.getxattr(path, name)] as const));
  return new Map(values.filter((pair): pair is readonly [string, Buffer] => pair[1] !== null));
}
