import type { LayerId } from '@gantry/driver-api';
import { describe, expect, it } from 'vitest';
import { isName, nameOf } from '../src/names.ts';
import { parseMountPoints } from '../src/mountinfo.ts';
import { parseHolders, parseLayer, parseSnapshot, type LayerRecord, type SnapshotRecord } from '../src/records.ts';

const diffId = `sha256:${'a'.repeat(64)}`;

describe('records', () => {
  it.each<Omit<LayerRecord, 'diffId'> & { diffId?: string }>([
    { version: 1, id: 'a' as LayerId, parent: null, bytes: 0 },
    { version: 1, id: '../ü' as LayerId, parent: 'p' as LayerId, diffId, bytes: 9_007_199_254_740_991 },
  ])('keeps a layer: %j', (record) => expect(parseLayer(JSON.stringify(record))).toEqual(record));

  it.each<SnapshotRecord>([
    { version: 1, key: 'k', kind: 'active', parent: null },
    { version: 1, key: 'k', kind: 'view', parent: 'p' as LayerId, sizeLimit: 5, idmap: { uid: [{ container: 0, host: 1, size: 2 }], gid: [] } },
  ])('keeps a snapshot: %j', (record) => expect(parseSnapshot(JSON.stringify(record))).toEqual(record));

  it.each(['', '{', 'null', '[]', '7', '{}', '{"version":2,"id":"a","parent":null,"bytes":0}', '{"version":1,"id":7,"parent":null,"bytes":0}', '{"version":1,"id":"a","bytes":0}', '{"version":1,"id":"a","parent":null,"bytes":-1}', '{"version":1,"id":"a","parent":null,"bytes":0,"diffId":"sha256:x"}'])(
    'sees that this is no layer: %s',
    (text) => expect(parseLayer(text)).toBeUndefined(),
  );

  it.each(['', '{"version":1,"key":"k","kind":"other","parent":null}', '{"version":1,"key":"k","kind":"view","parent":null,"idmap":{"uid":[{}],"gid":[]}}', '{"version":1,"key":"k","kind":"view","parent":null,"sizeLimit":"5"}'])(
    'sees that this is no snapshot: %s',
    (text) => expect(parseSnapshot(text)).toBeUndefined(),
  );

  it('keeps holders, and sees what are none', () => {
    expect(parseHolders('["a","b"]')).toEqual(['a', 'b']);
    for (const text of ['', '{}', '[1]', '["a"']) expect(parseHolders(text)).toBeUndefined();
  });
});

describe('names', () => {
  it('are hashes, whatever the id', () => {
    const names = ['a', 'A', '../../x', '\u0000', ' ', 'x'.repeat(1024)].map(nameOf);
    expect(names.every(isName)).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(['', 'x'.repeat(1025)])('refuses an id of unreasonable length', (id) => expect(() => nameOf(id)).toThrow(expect.objectContaining({ kind: 'invalid' })));
});

it('reads mount points, escaped characters too', () => {
  const text = '22 1 0:21 / /proc rw - proc proc rw\n36 35 98:0 /mnt1 /a\\040b/c\\134d rw,noatime master:1 - ext3 /dev/root rw\n';
  expect(parseMountPoints(text)).toEqual(['/proc', '/a b/c\\d']);
});
