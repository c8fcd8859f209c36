import fc from 'fast-check';
import { block, dir, entry, file, gnu, hardlink, long, octal, padded, pax, symlink, tar } from './handmade.ts';

const sparse = `${'a'.repeat(512)}bc`;
const seeds: readonly Buffer[] = [
  tar(dir('d'), file('d/f', 'hello'), symlink('l', '../../etc'), hardlink('h', 'd/f'), entry('p', '6'), entry('c', '3', { major: octal(1), minor: octal(3) })),
  tar(pax({ path: 'long/name', mtime: '1.5', size: '5', 'SCHILY.xattr.user.x': 'y', linkpath: 'z' }), file('x', 'hello'), pax({ mtime: '7' }, 'g'), file('g', 'x')),
  tar(long('L', 'a/b/c'), long('K', 'target'), symlink('x', 'y'), file('z', 'x'.repeat(1500), { magic: gnu })),
  tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 's', 'GNU.sparse.realsize': '3000' }), file('x', Buffer.concat([padded('3\n100\n512\n2000\n2\n3000\n0\n'), Buffer.from(sparse)]))),
  tar(Buffer.concat([block({ name: 's', type: 'S', magic: gnu, size: octal(514, 12), at: { 386: [[100, 512], [2000, 2], [3000, 0]].map(([o, n]) => octal(o ?? 0, 12) + octal(n ?? 0, 12)).join(''), 483: octal(3000, 12) } }), padded(sparse)])),
  tar(file('.wh.x'), dir('d'), file('d/.wh..wh..opq'), file('d/new', 'x'), file('e/.wh.y'), hardlink('ext', 'below')),
];

/** Changes that find their way past the checksum: it is made right again where a header was changed. */
type Change = { readonly at: number; readonly how: { readonly byte: number } | { readonly text: string } | { readonly copy: number } | { readonly cut: true } };

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  how: fc.oneof(
    fc.record({ byte: fc.nat(255) }),
    fc.record({ text: fc.constantFrom('../', '/', '\0', '.wh.', '0000000', '7777777', '99', '\x80', '\xff', 'x', 'g', 'S', 'L', '1', '2', '5', 'ustar', '=', '\n') }),
    fc.record({ copy: fc.nat(20) }),
    fc.record({ cut: fc.constant(true as const) }),
  ),
});

function mutate(seed: Buffer, changes: readonly Change[], repair: boolean): Buffer {
  let bytes: Buffer = Buffer.from(seed);
  for (const { at, how } of changes) {
    const position = Math.floor(at * bytes.length);
    if ('byte' in how) bytes[position] = how.byte;
    else if ('text' in how) bytes.write(how.text, position, 'latin1');
    else if ('copy' in how) {
      const from = (how.copy % Math.ceil(bytes.length / 512)) * 512;
      bytes.subarray(from, from + 512).copy(bytes, position - (position % 512));
    } else bytes = bytes.subarray(0, position);
  }
  if (!repair) return bytes;
  for (let start = 0; start + 512 <= bytes.length; start += 512) {
    const header = bytes.subarray(start, start + 512);
    if (header.toString('latin1', 257, 262) !== 'ustar') continue;
    header.fill(0x20, 148, 156);
    header.write(octal(header.reduce((sum, byte) => sum + byte, 0), 7), 148, 'latin1');
  }
  return bytes;
}

/** Good archives, made bad here and there. */
export const mutated: fc.Arbitrary<Buffer> = fc.tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 6 }), fc.boolean()).map(([seed, changes, repair]) => mutate(seed, changes, repair));
