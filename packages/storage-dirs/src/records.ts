import type { IdMap, IdRange, LayerId } from '@gantry/driver-api';
import { isDigest, type DiffID } from '@gantry/oci';

/** What stands in `layer.json`. */
export interface LayerRecord {
  readonly version: 1;
  readonly id: LayerId;
  readonly parent: LayerId | null;
  readonly diffId?: DiffID;
  readonly bytes: number;
}

/** What stands in `snapshot.json`. */
export interface SnapshotRecord {
  readonly version: 1;
  readonly key: string;
  readonly kind: 'active' | 'view';
  readonly parent: LayerId | null;
  readonly sizeLimit?: number;
  readonly idmap?: IdMap;
}

type Fields = Readonly<Record<string, unknown>>;

/** `undefined`: not a record that we have written, so it is damaged. */
export function parseLayer(text: string): LayerRecord | undefined {
  const r = parse(text);
  if (r?.['version'] !== 1 || typeof r['id'] !== 'string' || !isCount(r['bytes'])) return undefined;
  const { id, parent, diffId, bytes } = r;
  if ((parent !== null && typeof parent !== 'string') || (diffId !== undefined && !isDigest(diffId))) return undefined;
  return { version: 1, id: id as LayerId, parent: parent as LayerId | null, ...(diffId !== undefined && { diffId: diffId as DiffID }), bytes };
}

/** `undefined`: damaged. */
export function parseSnapshot(text: string): SnapshotRecord | undefined {
  const r = parse(text);
  if (r?.['version'] !== 1 || typeof r['key'] !== 'string') return undefined;
  const { key, kind, parent, sizeLimit, idmap } = r;
  if ((kind !== 'active' && kind !== 'view') || (parent !== null && typeof parent !== 'string')) return undefined;
  if ((sizeLimit !== undefined && !isCount(sizeLimit)) || (idmap !== undefined && !isIdMap(idmap))) return undefined;
  return { version: 1, key, kind, parent: parent as LayerId | null, ...(sizeLimit !== undefined && { sizeLimit }), ...(idmap !== undefined && { idmap }) };
}

/** `undefined`: damaged. */
export function parseHolders(text: string): string[] | undefined {
  const value = parseJson(text);
  return Array.isArray(value) && value.every((holder) => typeof holder === 'string') ? value : undefined;
}

function parse(text: string): Fields | undefined {
  const value = parseJson(text);
  return isRecord(value) ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which no record is
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isIdMap(value: unknown): value is IdMap {
  return isRecord(value) && [value['uid'], value['gid']].every((ranges) => Array.isArray(ranges) && ranges.every(isIdRange));
}

function isIdRange(value: unknown): value is IdRange {
  return isRecord(value) && isCount(value['container']) && isCount(value['host']) && isCount(value['size']);
}
