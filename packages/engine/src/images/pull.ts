import type { LayerSink, BlobStore, Credentials, PulledImage as Fetched, PullProgress as ClientProgress, RegistryClient } from '@gantry/registry-client';
import { familiarReference, formatReference, parseReference, withDefaultTag, type ImageConfig, type Platform, type Reference } from '@gantry/oci';
import type { EventLog } from '../events/event-log.ts';
import type { Database } from '../state/database.ts';
import type { PulledImage, PullImage, PullProgress, RegistryAuth } from '../types/index.ts';
import type { Lock } from '../util/lock.ts';
import type { BlobFiles } from './blob-files.ts';
import type { ImageCatalog } from './catalog.ts';
import { imageEvent } from './image-events.ts';
import type { ImageTable } from './image-table.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { Lease, Leases } from './leases.ts';
import { LayoutContent } from './oci-layout.ts';
import type { ManifestRecord } from './records.ts';

interface Needs {
  readonly db: Database;
  readonly table: ImageTable;
  readonly catalog: ImageCatalog;
  readonly events: EventLog;
  readonly leases: Leases;
  readonly blobs: BlobFiles;
  readonly intake: LayerIntake;
  readonly lock: Lock;
  readonly client: RegistryClient;
  /** Familiar reference to a folder with an image layout. */
  readonly embedded: Readonly<Record<string, string>>;
}

/** See `Images.pull`. What is got is leased, so that nothing collects it before the image stands for it. */
export async function pullImage(needs: Needs, ref: string, o: PullImage): Promise<PulledImage> {
  const reference = withDefaultTag(parseReference(ref));
  const shown = familiarReference(reference);
  const folder = Object.hasOwn(needs.embedded, shown) ? needs.embedded[shown] : undefined;
  const lease = needs.leases.open(shown);
  let fetched: Fetched;
  try {
    fetched = await needs.client.pull(reference, {
      layers: needs.intake.sink(lease) satisfies LayerSink,
      store: leased(needs, lease),
      verifyDiffIds: false, // the storage driver does, in its own pass over the bytes
      platform: o.platform,
      signal: o.signal,
      onProgress: (event) => report(event, shown, o.onProgress),
      ...(folder === undefined ? {} : { from: new LayoutContent(folder) }),
      ...(o.auth === undefined ? {} : { credentials: credentialsFor(reference, o.auth) }),
    });
  } catch (error) {
    lease.abandon();
    throw error;
  }
  const changed = commit(needs, reference, fetched, lease);
  await needs.db.durable();
  return { reference: shown, digest: fetched.root.digest, changed };
}

/** One transaction makes it an image, takes its name from the one that had it, and ends the lease. */
function commit({ db, table, catalog, events }: Needs, reference: Reference, fetched: Fetched, lease: Lease): boolean {
  const manifest = recordOf(fetched);
  const { root, path } = fetched;
  // With a digest the tag says nothing: it may have moved since.
  const name = formatReference(reference.digest === undefined ? reference : { domain: reference.domain, path: reference.path, digest: reference.digest });
  const before = catalog.get(root.digest);
  const changed = before?.names.includes(name) !== true || !before.manifests.some(({ descriptor }) => descriptor.digest === manifest.descriptor.digest);
  db.transaction(() => {
    for (const { descriptor, document } of path) {
      table.putBlob(descriptor);
      if (document.kind === 'index') table.putIndex(descriptor);
    }
    table.putBlob(fetched.manifest.config);
    table.putManifest(manifest);
    for (const { descriptor } of path.slice(1)) table.putChild(root.digest, descriptor.digest);
    table.putImage(root.digest);
    table.putTag(name, root.digest, null);
    lease.end();
    events.record(imageEvent('pull', { id: root.digest, manifests: [manifest] }, familiarReference(reference)));
  });
  catalog.reload();
  return changed;
}

function recordOf({ descriptor, manifest, platform, config, layers }: Fetched): ManifestRecord {
  return {
    descriptor,
    configDigest: manifest.config.digest,
    platform: platform ?? platformOf(config),
    createdAt: config.created ?? null,
    labels: config.config?.Labels ?? {},
    layers: layers.map((layer) => ({ ...layer.descriptor, diffId: layer.diffId, chainId: layer.chainId })).map(({ digest, mediaType, size, diffId, chainId }) => ({ digest, mediaType, size, diffId, chainId })),
  };
}

function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Finding a blob and holding it are one, and so are keeping it and holding it. */
function leased({ blobs, lock }: Needs, lease: Lease): BlobStore {
  return {
    has: (digest) => blobs.has(digest),
    get: (digest, o) => {
      lease.hold('blob', digest);
      return blobs.get(digest, o);
    },
    put: (digest, bytes) =>
      lock.run(async () => {
        lease.hold('blob', digest);
        await blobs.put(digest, bytes);
      }),
    delete: (digest) => blobs.delete(digest),
    list: () => blobs.list(),
    partial: (digest) => blobs.partial(digest),
  };
}

/** For the registry of the reference alone: a mirror is another host. */
function credentialsFor({ domain }: Reference, auth: RegistryAuth): (host: string) => Credentials | undefined {
  const credentials = credentialsOf(auth);
  return (host) => (host === domain ? credentials : undefined);
}

function credentialsOf({ username, password, identityToken, registryToken }: RegistryAuth): Credentials | undefined {
  if (filled(registryToken)) return { registryToken };
  if (filled(identityToken)) return { identityToken };
  return filled(username) ? { username, password: password ?? '' } : undefined;
}

function filled(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function report(event: ClientProgress, reference: string, onProgress: ((p: PullProgress) => void) | undefined): void {
  if (onProgress === undefined || event.type === 'resolved') return;
  if (event.type === 'resolving') {
    onProgress({ kind: 'resolving', reference });
    return;
  }
  const { digest, size } = event.layer.descriptor;
  const tell = (progress: Omit<Extract<PullProgress, { kind: 'layer' }>, 'kind' | 'digest'>): void => onProgress({ kind: 'layer', digest, ...progress });
  switch (event.type) {
    case 'exists':
    case 'waiting':
      tell({ phase: event.type });
      break;
    case 'downloading':
      tell({ phase: 'downloading', current: event.bytes, total: event.total });
      if (event.bytes >= event.total) tell({ phase: 'downloaded', current: size, total: size });
      break;
    case 'retrying':
      tell({ phase: 'retrying', seconds: Math.ceil(event.delayMs / 1000) });
      break;
    case 'ingested':
      tell({ phase: 'extracting', current: size, total: size });
      break;
    case 'published':
      tell({ phase: 'complete' });
  }
}
