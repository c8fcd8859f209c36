import { describe, expect, it } from 'vitest';
import { readTar } from '../src/index.ts';
import { base256, block, dir, end, entry, file, gnu, hardlink, long, octal, padded, pax, pieces, record, symlink, tar } from './support/handmade.ts';
import { failureOf, readAll, readOne, text } from './support/read-all.ts';

describe('headers', () => {
  it('are read in every field', async () => {
    const [header] = await readAll(tar(file('dir/file', 'hello', { mode: octal(0o106751), uid: octal(1000), gid: octal(2097151), mtime: octal(1_500_000_000, 12) })));
    expect(header).toMatchObject({ type: 'file', path: Buffer.from('dir/file'), mode: 0o6751, uid: 1000, gid: 2097151, mtimeNs: 1_500_000_000_000_000_000n, size: 5, content: Buffer.from('hello'), offset: 0 });
  });

  it('name every type', async () => {
    const archive = tar(dir('d/'), symlink('l', '../x y'), hardlink('h', 'd/../d/f'.replace('../d/', '')), entry('c', '3', { major: octal(1), minor: octal(0o377777) }), entry('b', '4', { major: octal(259), minor: octal(3) }), entry('p', '6'), file('seven', '7', { type: '7' }), file('null', 'n', { type: '\0' }), entry('olddir/', '\0'), entry('newdir/', '0'));
    expect((await readAll(archive)).map(({ type, path }) => [type, text(path)])).toEqual([['dir', 'd'], ['symlink', 'l'], ['hardlink', 'h'], ['char', 'c'], ['block', 'b'], ['fifo', 'p'], ['file', 'seven'], ['file', 'null'], ['dir', 'olddir'], ['dir', 'newdir']]);
    expect((await readAll(archive)).slice(1, 5)).toMatchObject([{ link: Buffer.from('../x y') }, { link: Buffer.from('d/f') }, { major: 1, minor: 0o377777 }, { major: 259, minor: 3 }]);
  });

  it.each([
    ['v7', '\0\0\0\0\0\0\0\0'],
    ['ustar', 'ustar\x0000'],
    ['ustar without a version', 'ustar\0\0\0'],
    ['gnu', gnu],
  ])('of %s take the prefix only where it is one', async (name, magic) => {
    const { path } = await readOne(tar(file('name', '', { magic, prefix: 'the/prefix' })));
    expect(text(path)).toBe(name.startsWith('ustar') ? 'the/prefix/name' : 'name');
  });

  it('of star have times in the end of the prefix', async () => {
    const star = (times: string): Buffer => tar(file('name', '', { prefix: 'the/prefix', at: { 476: times, 508: 'tar\0' } }));
    expect(text((await readOne(star('13234567012 13234567012 '))).path)).toBe('the/prefix/name');
    expect(await failureOf(readAll(star('not times at all, not so')))).toMatchObject({ kind: 'invalid', code: 'tar-malformed' });
  });

  it('have numbers in many spellings', async () => {
    const sizes: (string | Buffer)[] = [octal(5, 12), '5\0', '5 ', '          5 ', '000000000005', '          5\0', '\x0000000005\0', base256(5n)];
    for (const size of sizes) expect([size, await readOne(tar(file('f', 'hello', { size })))]).toMatchObject([size, { size: 5 }]);
    for (const blank of ['\0'.repeat(8), '        ', ' \0\0\0\0\0\0\0']) expect(await readOne(tar(file('f', '', { uid: blank, gid: blank, mode: blank })))).toMatchObject({ uid: 0, gid: 0, mode: 0 });
    expect(await readOne(tar(file('f', '', { uid: base256(4_294_967_294n, 8), mtime: base256(-5n) })))).toMatchObject({ uid: 4_294_967_294, mtimeNs: -5_000_000_000n });
    expect(await readOne(tar(file('f', '', { mtime: base256(1n << 40n) })))).toMatchObject({ mtimeNs: (1n << 40n) * 1_000_000_000n });
  });

  it('may have their checksum of signed bytes', async () => {
    const name = Buffer.from('\u00fc\u00fc');
    const plain = block({ name });
    const sum = plain.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte > 127 ? byte - 256 : byte), 0);
    expect((await readOne(tar(block({ name, checksum: octal(sum, 7) })))).path).toEqual(name);
  });

  it.each([
    ['a wrong checksum', block({ checksum: '0000001' })],
    ['no header at all', Buffer.alloc(512, 'x')],
    ['a negative size', block({ size: base256(-1n) })],
    ['a size beyond all numbers', block({ size: base256(1n << 60n) })],
    ['a size of the greatest octal digits and a junk digit', block({ size: '00000000008\0' })],
    ['junk behind a number', block({ size: '5x\0' })],
    ['a minus sign', block({ size: '-5\0' })],
    ['a negative owner', block({ uid: base256(-2n, 8) })],
    ['a negative mode', block({ mode: base256(-2n, 8) })],
    ['an owner that means nobody at all', block({ uid: base256(4_294_967_295n, 8) })],
    ['an owner of 33 bits', block({ gid: base256(4_294_967_296n, 8) })],
    ['digits in base 64', block({ mtime: '+A\0' })],
    ['another mark in the first byte', block({ size: Buffer.from([0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) })],
  ])('are refused with %s', async (_what, bytes) => {
    expect(await failureOf(readAll(tar(file('before', 'x'), bytes)))).toMatchObject({ kind: 'invalid', code: 'tar-malformed', details: { offset: 1024 } });
  });

  it.each(['A', 'D', 'M', 'N', 'V', 'X', 'S', 'z', ' ', '9'])('of type %j are refused', async (type) => {
    expect(await failureOf(readAll(tar(entry('e', type))))).toMatchObject({ kind: 'invalid', code: 'tar-unsupported' });
  });

  it.each(['2', '3', '4', '5', '6'])('of type %s have no content', async (type) => {
    const bytes = Buffer.concat([entry('e', type, { link: 'x', size: octal(3, 12) }), padded('abc')]);
    expect(await failureOf(readAll(tar(bytes)))).toMatchObject({ kind: 'invalid', code: 'tar-malformed' });
  });

  it('of a hard link may repeat the size, where no content follows', async () => {
    expect((await readAll(tar(file('f', 'abc'), hardlink('h', 'f', { size: octal(3, 12) }), file('g', '')))).map(({ path }) => text(path))).toEqual(['f', 'h', 'g']);
    expect(await failureOf(readAll(tar(pax({ mtime: '1.5' }), hardlink('h', 'f', { size: octal(3, 12) }))))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(readAll(tar(entry('d/', '0', { size: octal(3, 12) }), padded('abc'))))).toMatchObject({ kind: 'invalid' });
  });
});

describe('names', () => {
  it.each([
    ['a', 'a'],
    ['/a', 'a'],
    ['////a//b/', 'a/b'],
    ['./a', 'a'],
    ['.//./a/./b', 'a/b'],
    ['a/.', 'a'],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
    ['C:/x', 'C:/x'],
    ['C:..\\x', 'C:..\\x'],
    [' ', ' '],
  ])('%j leads to %j', async (name, path) => {
    expect(text((await readOne(tar(dir(name)))).path)).toBe(path);
  });

  it.each(['.', './', '/', '//', './/.'])('%j is the top', async (name) => {
    expect(await readOne(tar(dir(name)))).toMatchObject({ type: 'dir', path: Buffer.alloc(0) });
    expect(await failureOf(readAll(tar(symlink(name, 'x'))))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(readAll(tar(hardlink('x', name))))).toMatchObject({ code: 'tar-unsafe-name' });
  });

  it.each(['..', '../a', 'a/..', 'a/../b', '/..', './../x', 'a/../../b', '..//x'])('%j is refused by its name', async (name) => {
    expect(await failureOf(readAll(tar(file(name))))).toMatchObject({ kind: 'invalid', code: 'tar-unsafe-name', message: expect.stringContaining(JSON.stringify(name)) as string });
    expect(await failureOf(readAll(tar(hardlink('x', name))))).toMatchObject({ kind: 'invalid', code: 'tar-unsafe-name' });
    expect(await failureOf(readAll(tar(pax({ path: name }), file('harmless'))))).toMatchObject({ code: 'tar-unsafe-name' });
    expect(await failureOf(readAll(tar(long('L', name), file('harmless'))))).toMatchObject({ code: 'tar-unsafe-name' });
  });

  it('that are empty, hold a zero byte, or are too long are refused', async () => {
    expect(await failureOf(readAll(tar(block({ name: '' }))))).toMatchObject({ code: 'tar-unsafe-name' });
    expect(await failureOf(readAll(tar(pax({ path: 'a\0b' }), file('x'))))).toMatchObject({ code: 'tar-unsafe-name' });
    expect(await failureOf(readAll(tar(pax({ linkpath: 'a\0b' }), symlink('x', 'y'))))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(readAll(tar(symlink('x', ''))))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(readAll(tar(pax({ linkpath: 'x'.repeat(5000) }), symlink('x', 'y'))))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(readAll(tar(pax({ path: 'x'.repeat(256) }), file('x'))))).toMatchObject({ code: 'tar-unsafe-name' });
    expect(await failureOf(readAll(tar(pax({ path: 'x/'.repeat(20_000) }), file('x'))))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
    expect(await failureOf(readAll(tar(pax({ path: 'x/'.repeat(1025) }), dir('x'))))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
  });

  it('of a hundred bytes, of ustar\'s two fields, and of GNU\'s long headers are whole', async () => {
    const hundred = 'h'.repeat(100);
    expect(text((await readOne(tar(file(hundred)))).path)).toBe(hundred);
    expect(text((await readOne(tar(file(hundred, '', { prefix: `${'p'.repeat(77)}/${'q'.repeat(77)}` })))).path)).toBe(`${'p'.repeat(77)}/${'q'.repeat(77)}/${hundred}`);
    const far = `${'d/'.repeat(300)}f`;
    expect(await readOne(tar(long('L', far), long('K', `${far}/target`), symlink('short', 'short')))).toMatchObject({ path: Buffer.from(far), link: Buffer.from(`${far}/target`) });
    expect(text((await readOne(tar(long('K', far), long('L', 'named'), hardlink('x', 'y')))).path)).toBe('named');
    const odd = Buffer.from([0xff, 0xfe, 0x2f, 0x80]);
    expect((await readOne(tar(file(odd)))).path).toEqual(odd);
  });
});

describe('extended headers', () => {
  it('win over the header', async () => {
    const values = { path: 'real/\u00fc', size: '5', uid: '3000000', gid: '4294967294', mtime: '1500000000.123456789', linkpath: 'unused', uname: 'ignored', comment: 'x=y=z' };
    expect(await readOne(tar(pax(values), Buffer.concat([block({ name: 'header', size: octal(0, 12) }), padded('hello')])))).toMatchObject({ path: Buffer.from('real/\u00fc'), size: 5, content: Buffer.from('hello'), uid: 3_000_000, gid: 4_294_967_294, mtimeNs: 1_500_000_000_123_456_789n });
    expect(await readOne(tar(pax({ uid: '5' }), long('L', 'gnu'), file('header')))).toMatchObject({ path: Buffer.from('gnu'), uid: 5 });
    // What readers do not agree on.
    for (const parts of [[pax({ path: 'pax' }), long('L', 'gnu')], [long('L', 'gnu'), pax({ path: 'pax' })]]) expect(await failureOf(readAll(tar(...parts, file('header'))))).toMatchObject({ kind: 'invalid' });
    expect(await failureOf(readAll(tar(long('K', 'gnu'), pax({ linkpath: 'pax' }), symlink('l', 'x'))))).toMatchObject({ kind: 'invalid' });
    expect(await readOne(tar(pax({ 'SCHILY.devmajor': '4095', 'SCHILY.devminor': '1048575' }), entry('c', '3')))).toMatchObject({ major: 4095, minor: 1_048_575 });
  });

  it.each([
    ['1500000000', 1_500_000_000_000_000_000n],
    ['0.5', 500_000_000n],
    ['-1.25', -1_250_000_000n],
    ['1.', 1_000_000_000n],
    ['1.1234567899999', 1_123_456_789n],
    ['-0.000000001', -1n],
  ])('have the time %s', async (mtime, ns) => {
    expect((await readOne(tar(pax({ mtime }), file('f')))).mtimeNs).toBe(ns);
  });

  it('hold values as bytes, newlines and equal signs included', async () => {
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const { xattrs } = await readOne(tar(pax({ 'SCHILY.xattr.user.all': value, 'SCHILY.xattr.user.empty': '', 'SCHILY.xattr.security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'), path: 'a\nb' }), file('f')));
    expect([...xattrs]).toEqual([['user.all', value], ['user.empty', Buffer.alloc(0)], ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')]]);
  });

  it('of libarchive hold attributes in base64', async () => {
    const value = Buffer.from([0, 1, 2, 255]);
    expect([...(await readOne(tar(pax({ 'LIBARCHIVE.xattr.user.a%3Db%25': value.toString('base64').replace(/=/g, ''), 'LIBARCHIVE.xattr.user.b': value.toString('base64'), 'SCHILY.xattr.user.b': value }), file('f')))).xattrs]).toEqual([['user.a=b%', value], ['user.b', value]]);
    for (const bad of [{ 'LIBARCHIVE.xattr.user.a': '!' }, { 'LIBARCHIVE.xattr.user.a': 'AAAA', 'SCHILY.xattr.user.a': 'other' }, { 'SCHILY.xattr.user.a%3Db': 'x' }, { 'SCHILY.xattr.': 'x' }, { 'LIBARCHIVE.xattr.a%00': 'AAAA' }]) {
      expect(await failureOf(readAll(tar(pax(bad), file('f'))))).toMatchObject({ kind: 'invalid' });
    }
  });

  it('speak for the next entry only, global ones until taken back', async () => {
    const all = await readAll(tar(pax({ uid: '7', mtime: '9', comment: 'c' }, 'g'), file('a'), pax({ uid: '8' }), file('b'), pax({ uid: '' }), file('c', '', { uid: octal(5) }), file('d'), pax({ uid: '' }, 'g'), file('e', '', { uid: octal(6) })));
    expect(all.map(({ uid }) => uid)).toEqual([7, 8, 5, 7, 6]);
    expect(all.map(({ mtimeNs }) => mtimeNs)).toEqual(Array.from({ length: 5 }, () => 9_000_000_000n));
  });

  it.each(['path', 'linkpath', 'size', 'GNU.sparse.major', 'SCHILY.xattr.user.x'])('must not say "%s" for all', async (key) => {
    expect(await failureOf(readAll(tar(pax({ [key]: '1' }, 'g'), file('f'))))).toMatchObject({ kind: 'invalid' });
  });

  const bodies: [string, Buffer][] = [
    ['no length', Buffer.from('path=x\n')],
    ['a length too short', Buffer.from('5 path=x\n')],
    ['a length too long', Buffer.from('99 path=x\n')],
    ['a length of zero', Buffer.from('0 path=x\n')],
    ['a negative length', Buffer.from('-9 path=x\n')],
    ['a length in hexadecimal', Buffer.from('0x9 path=x\n')],
    ['spaces before the length', Buffer.from(' 9 path=x\n')],
    ['an endless length', Buffer.from(`${'9'.repeat(400)} path=x\n`)],
    ['no equal sign', Buffer.from('9 pathxx\n')],
    ['no key', Buffer.from('6 =xx\n')],
    ['no newline', Buffer.from('9 path=xy')],
    ['zeros behind', Buffer.concat([record('path', 'x'), Buffer.alloc(3)])],
    ['a zero byte in the key', record('pa\0th', 'x')],
  ];
  it.each(bodies)('with %s are refused', async (_what, body) => {
    expect(await failureOf(readAll(tar(pax(body), file('f'))))).toMatchObject({ kind: 'invalid', code: 'tar-malformed' });
  });

  it.each([
    { size: '-1' },
    { size: '1e3' },
    { size: '99999999999999999999' },
    { size: ' 5' },
    { uid: '4294967295' },
    { gid: '-1' },
    { mtime: 'now' },
    { mtime: '1.2.3' },
    { mtime: '9'.repeat(40) },
    { 'SCHILY.realsize': '5' },
    { 'SCHILY.devmajor': 'x' },
  ])('that say %j are refused', async (values) => {
    expect(await failureOf(readAll(tar(pax(values as Record<string, string>), entry('f', 'SCHILY.devmajor' in values ? '3' : '0'))))).toMatchObject({ kind: 'invalid' });
  });

  it('are to be followed by their entry', async () => {
    const wrong = [[pax({ uid: '1' }), pax({ uid: '2' }), file('f')], [long('L', 'a'), long('L', 'b'), file('f')], [long('K', 'a'), long('K', 'b'), symlink('f', 'x')], [pax({ uid: '1' }), pax({ comment: 'x' }, 'g'), file('f')], [pax({ uid: '1' })], [long('L', 'a')]];
    for (const parts of wrong) expect(await failureOf(readAll(tar(...parts)))).toMatchObject({ kind: 'invalid' });
    for (const parts of wrong.slice(-2)) expect(await failureOf(readAll(Buffer.concat(parts)))).toMatchObject({ code: 'tar-truncated' });
    expect(await failureOf(readAll(tar(long('L', 'a\0b'), file('f'))))).toMatchObject({ kind: 'invalid' });
    expect((await readAll(tar(pax(Buffer.alloc(0)), file('f')))).length).toBe(1);
  });
});

describe('the end', () => {
  it('is two zero blocks, or the end of the bytes between entries', async () => {
    for (const archive of [tar(file('f', 'x')), file('f', 'x'), Buffer.concat([file('f', 'x'), Buffer.alloc(512)]), Buffer.concat([tar(file('f', 'x')), Buffer.alloc(9216)])]) expect((await readAll(archive)).length).toBe(1);
    expect(await readAll(end)).toEqual([]);
    expect(await readAll(Buffer.alloc(0))).toEqual([]);
  });

  it('leaves what is behind it alone', async () => {
    expect((await readAll(Buffer.concat([tar(file('f', 'x')), Buffer.from('anything'), file('hidden', 'y')]))).map(({ path }) => text(path))).toEqual(['f']);
  });

  it('is not one zero block among entries', async () => {
    expect(await failureOf(readAll(Buffer.concat([file('f', 'x'), Buffer.alloc(512), file('g', 'y')])))).toMatchObject({ kind: 'invalid', code: 'tar-malformed', details: { offset: 1536 } });
  });

  it('comes too early wherever it cuts an entry', async () => {
    const archive = Buffer.concat([pax({ path: 'long' }), file('f', 'x'.repeat(700)), long('L', 'name'), file('g', '')]);
    const good = [0, 2560, archive.length];
    for (let cut = 1; cut < archive.length; cut += 1) {
      if (good.includes(cut)) continue;
      // Every cut in the first blocks and around borders, and some of the others.
      if (cut > 40 && cut % 512 > 2 && cut % 512 < 510 && cut % 37 !== 0) continue;
      expect(await failureOf(readAll(archive.subarray(0, cut))), `cut at ${cut}`).toMatchObject({ kind: 'invalid', code: 'tar-truncated' });
    }
    for (const cut of good) expect((await readAll(archive.subarray(0, cut))).length).toBe(good.indexOf(cut));
  });
});

describe('limits', () => {
  it('end what asks for too much', async () => {
    const many = tar(...Array.from({ length: 11 }, (_, i) => file(`f${i}`, 'abc')));
    expect(await failureOf(readAll(many, { limits: { maxEntries: 10 } }))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
    expect(await failureOf(readAll(many, { limits: { maxBytes: 32 } }))).toMatchObject({ kind: 'exhausted', code: 'tar-limit' });
    expect((await readAll(many, { limits: { maxEntries: 11, maxBytes: 33 } })).length).toBe(11);
    expect(await failureOf(readAll(tar(file('abcdef')), { limits: { maxName: 5 } }))).toMatchObject({ code: 'tar-limit' });
    expect(await failureOf(readAll(tar(file('a/b/c')), { limits: { maxDepth: 2 } }))).toMatchObject({ code: 'tar-limit' });
    expect(await failureOf(readAll(tar(pax({ comment: 'x'.repeat(200) }), file('f')), { limits: { maxExtended: 100 } }))).toMatchObject({ code: 'tar-limit' });
    expect(await failureOf(readAll(tar(pax(Buffer.concat(Array.from({ length: 70_000 }, () => record('a', ''))))), {}))).toMatchObject({ code: 'tar-limit' });
    expect(await failureOf(readAll(tar(pax(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`SCHILY.xattr.user.${i}`, 'x'.repeat(60_000)]))), file('f'))))).toMatchObject({ code: 'tar-limit' });
  });
});

describe('reading', () => {
  const archive = tar(pax({ path: 'a/long/name', 'SCHILY.xattr.user.x': 'y' }), file('x', 'A'.repeat(1000)), long('L', 'b'), file('y', ''), dir('d'), file('z', 'C'.repeat(513)));

  it.each([1, 7, 511, 512, 513, 1024, 4096, 100_000])('gives the same in pieces of %i bytes', async (chunk) => {
    expect(await readAll(archive, { chunk })).toEqual(await readAll(archive));
  });

  it('hands out views of what came in', async () => {
    const bytes = tar(file('f', 'B'.repeat(2000)));
    for await (const { content } of readTar([bytes])) {
      for await (const chunk of content) expect('data' in chunk && chunk.data.buffer).toBe(bytes.buffer);
    }
  });

  it('skips what is not read, wholly or in part', async () => {
    const names: string[] = [];
    for await (const { header, content } of readTar(pieces(archive, 100))) {
      names.push(text(header.path));
      if (names.length === 1) {
        for await (const chunk of content) {
          expect(chunk).toBeDefined();
          break;
        }
      }
    }
    expect(names).toEqual(['a/long/name', 'b', 'd', 'z']);
  });

  it('yields nothing of a later entry through an earlier one', async () => {
    const entries = [];
    for await (const entry of readTar([archive])) entries.push(entry);
    for (const { content } of entries) for await (const chunk of content) throw new Error(`it yielded ${JSON.stringify(chunk)}`);
    expect(entries.length).toBe(4);
  });

  it('closes its source when it is left', async () => {
    let closed = 0;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield file('f', 'x');
      } finally {
        closed += 1;
      }
    }
    for await (const entry of readTar(source())) {
      expect(entry.offset).toBe(0);
      break;
    }
    expect(closed).toBe(1);
    await failureOf(
      (async () => {
        for await (const entry of readTar(source(), { limits: { maxEntries: 3 } })) expect(entry).toBeDefined();
      })(),
    );
    expect(closed).toBe(2);
  });

  it('says where in the archive an entry begins', async () => {
    expect((await readAll(archive)).map(({ offset }) => offset)).toEqual([0, 2560, 4096, 4608]);
  });
});
