import { createHash, type Hash } from 'node:crypto';
import type { TreeTarget } from '@gantry/archive';
import type { WalkEntry } from '@gantry/driver-api';
import { openFsSession, type FsWalkItem } from '@gantry/linux';
import { toWalkEntry } from './convert.ts';

const zeros = Buffer.alloc(65_536);

/** A walk with the digest of each regular file; for a worker thread, since hashing is work. */
export async function* digests({ native, root, mounts, idmap }: TreeTarget, path: string): AsyncGenerator<WalkEntry, void, undefined> {
  await using session = await openFsSession(native, { root, readonly: true, ...(mounts === undefined ? {} : { mounts }), ...(idmap === undefined ? {} : { idmap }) });
  let entry: Omit<WalkEntry, 'digest'> | undefined;
  let hash: Hash | undefined;
  for await (const item of session.walkData(path)) {
    if (item.kind === 'entry') {
      if (entry !== undefined) yield finished(entry, hash);
      const { type, path: below } = item.entry;
      entry = below.byteLength > 0 || type !== 'dir' ? toWalkEntry(path, item.entry) : undefined;
      // A name that links to a file told of before comes without content.
      hash = type === 'file' && item.entry.hardlink === undefined ? createHash('sha256') : undefined;
    } else if (hash !== undefined) update(hash, item);
  }
  if (entry !== undefined) yield finished(entry, hash);
}

function update(hash: Hash, item: Exclude<FsWalkItem, { readonly kind: 'entry' }>): void {
  if (item.kind === 'data') hash.update(item.data);
  if (item.kind === 'hole') for (let left = item.bytes; left > 0; left -= zeros.byteLength) hash.update(zeros.subarray(0, Math.min(left, zeros.byteLength)));
}

function finished(entry: Omit<WalkEntry, 'digest'>, hash: Hash | undefined): WalkEntry {
  return hash === undefined ? entry : { ...entry, digest: `sha256:${hash.digest('hex')}` };
}
