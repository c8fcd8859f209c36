import { parseDigest, type Digest, type Platform } from '@gantry/oci';
import { textOf, textOrNull, type Database, type Row } from '../state/database.ts';
import type { ImageRecord, LayerRecord, ManifestRecord } from './records.ts';

/** A document of an image, as it is stored. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** A layer that the storage driver has. */
export interface StoredLayer {
  readonly chainId: string;
  readonly diffId: string;
  readonly parent: string | null;
  readonly driver: string;
  readonly bytes: number;
}

/** The rows of images. Every method joins the transaction under way. */
export class ImageTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  load(): ImageRecord[] {
    const manifests = new Map(this.#db.all('SELECT * FROM manifests').map((row) => [textOf(row, 'digest'), row]));
    const children = groupBy(this.#db.all('SELECT parent, child FROM manifest_children'), 'parent', 'child');
    const names = groupBy(this.#db.all('SELECT image, reference FROM tags ORDER BY reference'), 'image', 'reference');
    return this.#db.all('SELECT * FROM images ORDER BY seq').map((row): ImageRecord => {
      const id = parseDigest(row['id']);
      const own = manifests.get(id);
      const variants = [own, ...(children.get(id) ?? []).map((child) => manifests.get(child))];
      return {
        id,
        target: { digest: id, mediaType: own === undefined ? '' : textOf(own, 'media_type'), size: Number(own?.['size'] ?? 0) },
        seq: Number(row['seq']),
        taggedAt: textOrNull(row, 'tagged_at'),
        names: names.get(id) ?? [],
        manifests: variants.flatMap((manifest) => (manifest === undefined ? [] : manifestOf(manifest))),
      };
    });
  }

  putBlob({ digest, size, mediaType }: StoredBlob): void {
    this.#db.run('INSERT INTO blobs (digest, size, media_type) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', digest, size, mediaType);
  }

  hasBlob(digest: Digest): boolean {
    return this.#db.get('SELECT 1 FROM blobs WHERE digest = ?', digest) !== undefined;
  }

  deleteBlob(digest: Digest): void {
    this.#db.run('DELETE FROM blobs WHERE digest = ?', digest);
  }

  blobs(): Digest[] {
    return this.#db.all('SELECT digest FROM blobs').map((row) => parseDigest(row['digest']));
  }

  putIndex({ digest, size, mediaType }: StoredBlob): void {
    this.#db.run('INSERT INTO manifests (digest, media_type, size) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', digest, mediaType, size);
  }

  putManifest(m: ManifestRecord): void {
    this.#db.run(
      'INSERT INTO manifests (digest, media_type, size, config_digest, os, architecture, variant, created_at, labels, layers) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      m.descriptor.digest, m.descriptor.mediaType, m.descriptor.size, m.configDigest, m.platform.os, m.platform.architecture, m.platform.variant ?? null, m.createdAt, JSON.stringify(m.labels), JSON.stringify(m.layers),
    );
  }

  /** `parent` is the image; `child` any document below it, at whatever depth. */
  putChild(parent: Digest, child: Digest): void {
    this.#db.run('INSERT INTO manifest_children (parent, child) VALUES (?, ?) ON CONFLICT DO NOTHING', parent, child);
  }

  /** Known ones stay as they are. */
  putImage(id: Digest): void {
    this.#db.run('INSERT INTO images (id, seq) VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM images)) ON CONFLICT DO NOTHING', id);
  }

  /** Moves the name if another image had it. */
  putTag(reference: string, image: Digest, taggedAt: string | null): void {
    this.#db.run('INSERT INTO tags (reference, image) VALUES (?, ?) ON CONFLICT (reference) DO UPDATE SET image = excluded.image', reference, image);
    if (taggedAt !== null) this.#db.run('UPDATE images SET tagged_at = ? WHERE id = ?', taggedAt, image);
  }

  /** Of what no image names, directly or through its index. */
  deleteOrphanedManifests(): void {
    this.#db.run('DELETE FROM manifest_children WHERE parent NOT IN (SELECT id FROM images)');
    this.#db.run('DELETE FROM manifests WHERE digest NOT IN (SELECT id FROM images) AND digest NOT IN (SELECT child FROM manifest_children)');
  }

  /** Digests of all manifests, indexes and configurations. */
  documents(): string[] {
    return this.#db.all('SELECT digest FROM manifests UNION SELECT config_digest FROM manifests WHERE config_digest IS NOT NULL').map((row) => textOf(row, 'digest'));
  }

  deleteTag(reference: string): void {
    this.#db.run('DELETE FROM tags WHERE reference = ?', reference);
  }

  deleteImage(id: Digest): void {
    this.#db.run('DELETE FROM tags WHERE image = ?', id);
    this.#db.run('DELETE FROM images WHERE id = ?', id);
  }

  putLayer({ chainId, diffId, parent, driver, bytes }: StoredLayer): void {
    this.#db.run(
      'INSERT INTO layers (layer_id, chain_id, diff_id, parent, driver, bytes) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      chainId, chainId, diffId, parent, driver, bytes,
    );
  }

  deleteLayer(id: string): void {
    this.#db.run('DELETE FROM layers WHERE layer_id = ?', id);
  }

  hasLayer(id: string): boolean {
    return this.#db.get('SELECT 1 FROM layers WHERE layer_id = ?', id) !== undefined;
  }

  /** Id to parent and bytes of every layer. */
  layers(): ReadonlyMap<string, { readonly parent: string | null; readonly bytes: number }> {
    return new Map(this.#db.all('SELECT layer_id, parent, bytes FROM layers').map((row) => [textOf(row, 'layer_id'), { parent: textOrNull(row, 'parent'), bytes: Number(row['bytes']) }]));
  }
}

function groupBy(rows: readonly Row[], key: string, value: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const row of rows) {
    const group = groups.get(textOf(row, key));
    if (group === undefined) groups.set(textOf(row, key), [textOf(row, value)]);
    else group.push(textOf(row, value));
  }
  return groups;
}

/** An index has none of this. */
function manifestOf(row: Row): ManifestRecord[] {
  const config = row['config_digest'];
  if (config === null || config === undefined) return [];
  const variant = textOrNull(row, 'variant');
  const platform: Platform = { os: textOf(row, 'os'), architecture: textOf(row, 'architecture'), ...(variant === null ? {} : { variant }) };
  return [
    {
      descriptor: { digest: parseDigest(row['digest']), mediaType: textOf(row, 'media_type'), size: Number(row['size']), platform },
      configDigest: parseDigest(config),
      platform,
      createdAt: textOrNull(row, 'created_at'),
      labels: JSON.parse(textOf(row, 'labels')) as Record<string, string>, // written by putManifest()
      layers: JSON.parse(textOf(row, 'layers')) as LayerRecord[], // written by putManifest()
    },
  ];
}
