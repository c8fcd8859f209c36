import { strict as assert } from 'node:assert';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGantryError } from '@gantry/errors';
import { inPieces, rawTar, type RawEntry } from '../harness/index.ts';
import { cases, dir, file, hardlink, layerId, opaque, rejects, symlink, whiteout, type StorageCases } from './fixture.ts';

const root = { '/': 'dir 755 0:0' };

interface Stack {
  readonly name: string;
  readonly layers: readonly (readonly RawEntry[])[];
  readonly tree: Readonly<Record<string, string>>;
}

const d = dir('d');
const ab = [d, file('d/a', 'a'), file('d/b', 'b')];
const seenD = { ...root, '/d': 'dir 755 0:0' };
const [a, b, c] = ['file 644 0:0 "a"', 'file 644 0:0 "b"', 'file 644 0:0 "c"'];

/** Layers, bottom first, and what they make together. */
const stacks: readonly Stack[] = [
  { name: 'a whiteout hides a file', layers: [ab, [d, whiteout('d/a')]], tree: { ...seenD, '/d/b': b } },
  { name: 'a whiteout hides a folder with all in it', layers: [ab, [whiteout('d')]], tree: root },
  { name: 'a whiteout in a layer between is not undone above', layers: [ab, [whiteout('d/a')], [file('d/c', 'c')]], tree: { ...seenD, '/d/b': b, '/d/c': c } },
  { name: 'what was hidden can be made again above', layers: [ab, [whiteout('d')], [d, file('d/c', 'c')]], tree: { ...seenD, '/d/c': c } },
  { name: 'a whiteout and a new folder of that name in one layer', layers: [ab, [whiteout('d'), d, file('d/c', 'c')]], tree: { ...seenD, '/d/c': c } },
  { name: 'the same, whiteout last', layers: [ab, [d, file('d/c', 'c'), whiteout('d')]], tree: { ...seenD, '/d/c': c } },
  { name: 'an opaque folder hides what is below it', layers: [ab, [d, opaque('d'), file('d/c', 'c')]], tree: { ...seenD, '/d/c': c } },
  { name: 'an opaque root hides all that is below', layers: [ab, [file('x', 'c'), opaque('.')], [file('y', 'b')]], tree: { ...root, '/x': c, '/y': b } },
  { name: 'the same, mark last', layers: [ab, [d, file('d/c', 'c'), opaque('d')]], tree: { ...seenD, '/d/c': c } },
  { name: 'a folder becomes a file, and a file a folder', layers: [[d, file('d/x'), file('f')], [file('d', 'a'), dir('f'), file('f/b', 'b')]], tree: { ...root, '/d': a, '/f': 'dir 755 0:0', '/f/b': b } },
  { name: 'a folder becomes a symbolic link', layers: [[d, file('d/x')], [symlink('d', 'e')]], tree: { ...root, '/d': 'symlink to e 0:0' } },
  { name: 'a name that only looks like a whiteout', layers: [[file('wh.x', 'a'), file('x.wh.', 'b')]], tree: { ...root, '/wh.x': a, '/x.wh.': b } },
  { name: 'the last entry of a name wins', layers: [[file('x', 'c'), file('x', 'a')]], tree: { ...root, '/x': a } },
  {
    name: 'hard links share an inode',
    layers: [[file('x', 'a', { mode: 0o600, uid: 9 }), hardlink('y', 'x'), d, hardlink('d/z', 'y')]],
    tree: { ...root, '/d': 'dir 755 0:0', '/d/z': 'file 600 9:0 "a"', '/x': 'hardlink to /d/z', '/y': 'hardlink to /d/z' },
  },
  {
    name: 'a hard link to a file of the parent',
    layers: [[dir('lib', { mode: 0o750, uid: 3 }), file('lib/x', 'a', { mode: 0o711, uid: 4, gid: 5 })], [file('other', 'b')], [hardlink('y', 'lib/x')]],
    tree: { ...root, '/lib': 'dir 750 3:0', '/lib/x': 'file 711 4:5 "a"', '/other': b, '/y': 'hardlink to /lib/x' },
  },
  {
    name: 'folders that a tar implies are as in the parent',
    layers: [
      [dir('p', { mode: 0o711, uid: 7, gid: 8, xattrs: { 'user.k': Buffer.from('v') } }), dir('p/q', { mode: 0o1777, uid: 9 }), file('p/q/a', 'a')],
      [file('p/q/b', 'b')],
      [file('p/q/r/c', 'c')],
    ],
    tree: { ...root, '/p': 'dir 711 7:8 user.k=76', '/p/q': 'dir 1777 9:0', '/p/q/a': a, '/p/q/b': b, '/p/q/r': 'dir 755 0:0', '/p/q/r/c': c },
  },
  {
    name: 'folders that a base layer implies are 0755 0:0',
    layers: [[file('p/q/a', 'a', { uid: 3 })]],
    tree: { ...root, '/p': 'dir 755 0:0', '/p/q': 'dir 755 0:0', '/p/q/a': 'file 644 3:0 "a"' },
  },
  {
    name: 'xattrs are bytes',
    layers: [[
      file('x', 'a', { xattrs: { 'user.bytes': Buffer.from([0, 1, 255, 10]), 'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex') } }),
      dir('d', { xattrs: { 'user.d': Buffer.from('d') } }),
    ]],
    tree: { ...root, '/d': 'dir 755 0:0 user.d=64', '/x': 'file 644 0:0 security.capability=0100000200040000000000000000000000000000 user.bytes=0001ff0a "a"' },
  },
  {
    name: 'devices, FIFOs, set-id bits and large ids',
    layers: [[
      { name: 'null', type: 'char', device: [1, 3], mode: 0o666 },
      { name: 'disk', type: 'block', device: [8, 17], mode: 0o660, gid: 6 },
      { name: 'pipe', type: 'fifo', mode: 0o622 },
      file('suid', 'a', { mode: 0o6755, uid: 3_000_000_000, gid: 4_000_000_000 }),
      dir('tmp', { mode: 0o1777 }),
    ]],
    tree: {
      ...root, '/disk': 'block 8:17 660 0:6', '/null': 'char 1:3 666 0:0', '/pipe': 'fifo 622 0:0', '/suid': 'file 6755 3000000000:4000000000 "a"', '/tmp': 'dir 1777 0:0',
    },
  },
  {
    name: 'long names, deep folders, and names that are not text',
    layers: [[file('n'.repeat(250), 'a'), file(`${'d/'.repeat(60)}x`, 'b'), { name: Buffer.from([0x66, 0xff, 0xfe]), type: 'file', data: 'c' }, symlink('far', 't'.repeat(400))]],
    tree: {
      ...root, ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`/${Array.from({ length: i + 1 }, () => 'd').join('/')}`, 'dir 755 0:0'])),
      [`/${'d/'.repeat(60)}x`]: b, '/~66fffe': c, '/far': `symlink to ${'t'.repeat(400)} 0:0`, [`/${'n'.repeat(250)}`]: a,
    },
  },
  { name: 'an empty tar is an empty layer', layers: [ab, []], tree: { ...seenD, '/d/a': a, '/d/b': b } },
  { name: 'names with a leading slash or dots are inside', layers: [[file('/x', 'a'), file('./y', 'b'), file('.//d/./z', 'c')]], tree: { ...root, '/d': 'dir 755 0:0', '/d/z': c, '/x': a, '/y': b } },
];

/** Ways out that have been tried elsewhere; `at` is a folder outside, absolute. */
const escapes: readonly { readonly name: string; readonly entries: (at: string) => readonly RawEntry[] }[] = [
  { name: 'a name with ..', entries: () => [file('../../../../../../canary/new', 'x')] },
  { name: 'a name with .. inside', entries: () => [dir('a'), file('a/../../../../../../../canary/new', 'x')] },
  { name: 'an absolute name', entries: (at) => [file(`${at}/new`, 'x')] },
  { name: 'a symbolic link, then a file through it', entries: (at) => [symlink('l', at), file('l/new', 'x')] },
  { name: 'a relative symbolic link, then a file through it', entries: (at) => [symlink('l', `${'../'.repeat(20)}${at.slice(1)}`), file('l/new', 'x')] },
  { name: 'two links, one through the other', entries: (at) => [symlink('l', at), symlink('m', 'l'), file('m/new', 'x')] },
  { name: 'a symbolic link that becomes a folder', entries: (at) => [symlink('l', at), dir('l', { mode: 0o777, uid: 1 })] },
  { name: 'a folder that becomes a symbolic link', entries: (at) => [dir('l'), symlink('l', at), file('l/new', 'x')] },
  { name: 'a symbolic link that becomes a file', entries: (at) => [symlink('l', `${at}/file`), file('l', 'x')] },
  { name: 'a hard link to something outside', entries: (at) => [hardlink('l', `${at}/file`), file('l', 'x')] },
  { name: 'a hard link with ..', entries: () => [hardlink('l', '../../../../../../canary/file'), file('l', 'x')] },
  { name: 'a hard link through a symbolic link', entries: (at) => [symlink('d', at), hardlink('l', 'd/file'), file('l', 'x')] },
  { name: 'a whiteout through a symbolic link', entries: (at) => [symlink('d', at), whiteout('d/file')] },
  { name: 'an opaque mark through a symbolic link', entries: (at) => [symlink('d', at), opaque('d')] },
  { name: 'a whiteout of ..', entries: () => [file('.wh...'), file('a/.wh...')] },
  { name: 'a whiteout without a name', entries: () => [dir('a'), file('a/.wh.')] },
  { name: 'a NUL in a name', entries: () => [file('a\u0000/../../canary/new', 'x')] },
];

export const tars: StorageCases = cases((it) => {
  for (const { name, layers, tree } of stacks) {
    it(name, async (t) => {
      let parent = null;
      for (const [i, entries] of layers.entries()) parent = (await t.layer(`l${i}`, parent, entries)).id;
      assert.deepEqual(await t.tree(parent), tree);
      await t.driver.prepare('s', parent);
      assert.deepEqual(await t.treeOf('s'), tree, 'in a snapshot that can be written to');
      await t.healthy();
    });
  }

  for (const { name, entries } of escapes) {
    it(`no way out: ${name}`, async (t) => {
      const canary = join(t.env.root, 'canary');
      await mkdir(canary, { mode: 0o750 });
      await writeFile(join(canary, 'file'), 'alive', { mode: 0o640 });
      const before = await look(canary);
      await t.layer('below', null, [dir('a'), file('a/x')]);
      try {
        // Refused, or made harmless: both are fine. What must not be is a trace outside.
        await t.tree((await t.layer('evil', layerId('below'), entries(canary))).id);
      } catch (e) {
        assert.ok(isGantryError(e) && ['invalid', 'notFound', 'conflict'].includes(e.kind), `expected a GantryError of kind invalid, but it threw ${String(e)}`);
      }
      assert.deepEqual(await look(canary), before);
      await t.healthy();
    });
  }

  it('modification times are kept, to the second', async (t) => {
    await t.layer('a', null, [dir('d', { mtime: 86_400 }), file('d/x', 'x', { mtime: 1_234_567_890 }), { ...symlink('l', 'x'), mtime: 77 }]);
    const tree = await t.tree(layerId('a'), { mtime: true });
    assert.deepEqual([tree['/d'], tree['/d/x'], tree['/l']], ['dir 755 0:0 @86400000000000', 'file 644 0:0 @1234567890000000000 "x"', 'symlink to x 0:0 @77000000000']);
  });

  it('a hard link to nothing is refused when its parent is known', async (t) => {
    await t.layer('a', null, [file('x', 'x')]);
    const tar = rawTar([hardlink('y', 'no/such')]);
    await rejects('invalid', t.driver.ingest('k', { tar: inPieces(tar) }).then(() => t.driver.publish('k', { id: layerId('b'), parent: layerId('a') })), 'publish()');
    await rejects('notFound', t.driver.layer(layerId('b')), 'layer() of what was refused');
    await t.healthy();
  });

  it('a large file, and many small ones', async (t) => {
    const large = Buffer.alloc(20_000_003, 'large ');
    await t.layer('a', null, [file('large', large), dir('many'), ...Array.from({ length: 3000 }, (_, i) => file(`many/${i}`, `${i}`))]);
    const tree = await t.tree(layerId('a'));
    assert.equal(Object.keys(tree).length, 3003);
    assert.equal(tree['/many/2999'], 'file 644 0:0 "2999"');
    assert.match(tree['/large'] ?? '', /^file 644 0:0 sha256:/);
  });

  it('128 layers', async (t) => {
    let parent = null;
    for (let i = 0; i < 128; i++) parent = (await t.layer(`layer ${i}`, parent, [dir('d'), file(`d/${i}`, String(i)), ...(i > 0 ? [whiteout(`d/${i - 1}`)] : [])])).id;
    const tree = { '/': 'dir 755 0:0', '/d': 'dir 755 0:0', '/d/127': 'file 644 0:0 "127"' };
    assert.deepEqual(await t.tree(parent), tree);
    await t.driver.prepare('s', parent);
    assert.deepEqual(await t.treeOf('s'), tree);
    await t.healthy();
  }, { timeout: 180_000 });

  for (const { name, tar } of malformed()) {
    it(`nothing is kept of ${name}`, async (t) => {
      await rejects(['invalid', 'dataLoss'], t.driver.ingest('k', { tar: inPieces(tar) }), 'ingest()');
      await rejects('notFound', t.driver.publish('k', { id: layerId('x'), parent: null }), 'publish() after it');
      await t.healthy();
    });
  }
});

/** All that could tell of a touch. */
async function look(canary: string): Promise<unknown> {
  const [folder, inside] = [await stat(canary), await stat(join(canary, 'file'))];
  return [folder.mode, folder.uid, folder.mtimeMs, await readdir(canary), inside.mode, inside.uid, inside.nlink, inside.mtimeMs, await readFile(join(canary, 'file'), 'utf8')];
}

function malformed(): { name: string; tar: Buffer }[] {
  const good = rawTar([file('x', Buffer.alloc(5000, 'x'))]);
  const wrongSum = Buffer.from(good);
  wrongSum.writeUInt8(0x39, 150);
  return [
    { name: 'a tar that is cut off in a file', tar: good.subarray(0, 2000) },
    { name: 'a tar that is cut off in a header', tar: good.subarray(0, 300) },
    { name: 'a tar with a wrong checksum', tar: wrongSum },
    { name: 'what is no tar', tar: Buffer.alloc(4096, 'no tar at all ') },
  ];
}
