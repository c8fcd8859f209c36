import { GantryError } from '@gantry/errors';
import { familiarName, familiarReference, formatReference, parseReference, withDefaultTag, type Digest } from '@gantry/oci';
import type { EventLog } from '../events/event-log.ts';
import type { Database } from '../state/database.ts';
import type { RemovedImage } from '../types/index.ts';
import { shortId } from '../util/ids.ts';
import type { FoundImage, ImageCatalog } from './catalog.ts';
import { imageEvent } from './image-events.ts';
import type { ImageTable } from './image-table.ts';
import type { ImageRecord } from './records.ts';

/** A container, as far as images are concerned. */
export interface ImageUser {
  readonly containerId: string;
  readonly imageId: string;
  readonly layerChain: string | null;
  readonly running: boolean;
}

interface Needs {
  readonly db: Database;
  readonly table: ImageTable;
  readonly catalog: ImageCatalog;
  readonly events: EventLog;
  users(): readonly ImageUser[];
}

/**
 * Takes names away, and the image with the last of them, by Docker's rules: a container that uses it, or names in
 * several repositories, forbid it unless forced; one that runs, always. Deletes rows only; layers are garbage then.
 * @throws GantryError notFound `no-such-image`; conflict `image-in-use`.
 */
export function removeImage(needs: Needs, ref: string, force: boolean): readonly RemovedImage[] {
  const found = needs.catalog.find(ref);
  const removed: RemovedImage[] = [];
  needs.db.transaction(() => {
    if (decide(needs, found, ref, force, removed)) deleteImage(needs, found.image, removed);
  });
  needs.catalog.reload();
  return removed;
}

/** Takes the names away that have to go. Whether the image itself goes too. */
function decide(needs: Needs, { image, by }: FoundImage, ref: string, force: boolean, removed: RemovedImage[]): boolean {
  const users = needs.users().filter(({ imageId }) => imageId === image.id);
  const single = isSingle(image.names);
  if (by === 'id') {
    refuseInUse(image.id, users, force);
    if (!single && !force) throw conflict(image.id, 'must be forced', 'image is referenced in multiple repositories');
    for (const name of image.names) untag(needs, image, name, removed);
    return true;
  }
  const [user] = users;
  if (!force && single && user !== undefined) {
    throw new GantryError('conflict', 'image-in-use', `conflict: unable to remove repository reference ${JSON.stringify(ref)} (must force) - container ${shortId(user.containerId)} is using its referenced image ${shortId(image.id)}`, {
      details: { ref, container: user.containerId },
    });
  }
  const gone = namesToTake(image.names, ref);
  for (const name of gone) untag(needs, image, name, removed);
  // Without a name, but in use: it stays, dangling.
  return gone.length === image.names.length && users.length === 0;
}

/** A tag takes its repository's digest references with it, once no other tag of that repository is left. */
function namesToTake(names: readonly string[], ref: string): readonly string[] {
  const reference = parseReference(ref);
  const repository = familiarName(reference);
  const own = names.filter((name) => familiarName(parseReference(name)) === repository);
  if (reference.digest !== undefined) return own.filter((name) => parseReference(name).digest !== undefined || own.length === 1);
  const wanted = formatReference(withDefaultTag(reference));
  const otherTags = own.filter((name) => name !== wanted && parseReference(name).digest === undefined);
  return otherTags.length > 0 ? [wanted] : own;
}

/** One tag at most, and digests of its repository alone. */
function isSingle(names: readonly string[]): boolean {
  const references = names.map(parseReference);
  return references.filter(({ digest }) => digest === undefined).length <= 1 && new Set(references.map(familiarName)).size <= 1;
}

function refuseInUse(id: Digest, users: readonly ImageUser[], force: boolean): void {
  const running = users.find((user) => user.running);
  if (running !== undefined) throw conflict(id, 'cannot be forced', `image is being used by running container ${shortId(running.containerId)}`);
  const [stopped] = users;
  if (stopped !== undefined && !force) throw conflict(id, 'must be forced', `image is being used by stopped container ${shortId(stopped.containerId)}`);
}

function conflict(id: Digest, how: string, why: string): GantryError {
  return new GantryError('conflict', 'image-in-use', `conflict: unable to delete ${shortId(id)} (${how}) - ${why}`, { details: { id } });
}

function untag(needs: Needs, image: ImageRecord, name: string, removed: RemovedImage[]): void {
  const shown = familiarReference(parseReference(name));
  needs.table.deleteTag(name);
  needs.events.record(imageEvent('untag', image, shown));
  removed.push({ untagged: shown });
}

function deleteImage(needs: Needs, image: ImageRecord, removed: RemovedImage[]): void {
  needs.table.deleteImage(image.id);
  needs.events.record(imageEvent('delete', image, image.id));
  removed.push({ deleted: image.id });
}
