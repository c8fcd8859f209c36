import type { FsEntry } from '@gantry/linux';
import { describe, expect, it } from 'vitest';
import { comparePaths, differences } from '../src/compare.ts';

type Kind = 'file' | 'dir' | 'symlink' | 'char';

function entry(path: string, type: Kind = 'file', more: Partial<Record<string, unknown>> = {}): FsEntry {
  const common = { path: Buffer.from(path), mode: 0o644, uid: 0, gid: 0, size: 1, mtimeNs: 1n, nlink: 1, ino: 1n, dev: 1n, blocks: 0, xattrs: new Map<string, Uint8Array>() };
  const own = type === 'symlink' ? { link: Buffer.from('x') } : type === 'char' ? { major: 1, minor: 3 } : {};
  return { ...common, type, ...own, ...more } as FsEntry; // the fields of each kind are there
}

async function* walk(entries: readonly FsEntry[]): AsyncGenerator<FsEntry> {
  yield entry('', 'dir');
  yield* entries.toSorted((a, b) => comparePaths(a.path, b.path));
}

async function compare(before: readonly FsEntry[], after: readonly FsEntry[]): Promise<string[]> {
  const found = await Array.fromAsync(differences(walk(before), walk(after)));
  return found.map(({ kind, path }) => `${kind} ${path.toString()}`);
}

describe('comparePaths', () => {
  it('is the order of a walk', () => {
    const walked = ['a', 'a/b', 'a/b/c', 'a/c', 'a b', 'a-', 'a.c', 'a0', 'b', 'ü'];
    const shuffled = walked.toReversed().map((p) => Buffer.from(p));
    expect(shuffled.toSorted(comparePaths).map(String)).toEqual(walked);
  });
});

describe('differences', () => {
  it('finds nothing in equal trees', async () => {
    const tree = [entry('a', 'dir'), entry('a/x'), entry('l', 'symlink'), entry('n', 'char')];
    expect(await compare(tree, tree)).toEqual([]);
  });

  it('finds what came and what went, a deleted folder once', async () => {
    const before = [entry('a', 'dir'), entry('a/x'), entry('a/y', 'dir'), entry('a/y/z'), entry('b'), entry('z', 'dir'), entry('z/1')];
    const after = [entry('aa'), entry('b'), entry('c', 'dir'), entry('c/d')];
    expect(await compare(before, after)).toEqual(['delete a', 'add aa', 'add c', 'add c/d', 'delete z']);
  });

  it('finds names in a folder that begins like a deleted one', async () => {
    expect(await compare([entry('a', 'dir'), entry('a/x'), entry('a.b')], [])).toEqual(['delete a', 'delete a.b']);
  });

  it('does not tell what went with a folder that became a file', async () => {
    expect(await compare([entry('a', 'dir'), entry('a/x'), entry('a/y')], [entry('a')])).toEqual(['modify a']);
    expect(await compare([entry('a')], [entry('a', 'dir'), entry('a/x')])).toEqual(['modify a', 'add a/x']);
  });

  it.each<[string, FsEntry, FsEntry]>([
    ['mode', entry('x'), entry('x', 'file', { mode: 0o600 })],
    ['owner', entry('x'), entry('x', 'file', { gid: 1 })],
    ['time', entry('x'), entry('x', 'file', { mtimeNs: 2n })],
    ['size', entry('x'), entry('x', 'file', { size: 2 })],
    ['kind', entry('x'), entry('x', 'symlink')],
    ['target', entry('x', 'symlink'), entry('x', 'symlink', { link: Buffer.from('y') })],
    ['device', entry('x', 'char'), entry('x', 'char', { minor: 4 })],
    ['a new xattr', entry('x'), entry('x', 'file', { xattrs: new Map([['user.a', Buffer.from('1')]]) })],
    ['a changed xattr', entry('x', 'file', { xattrs: new Map([['user.a', Buffer.from('2')]]) }), entry('x', 'file', { xattrs: new Map([['user.a', Buffer.from('1')]]) })],
  ])('sees a changed %s', async (_, before, after) => expect(await compare([before], [after])).toEqual(['modify x']));

  it('does not compare sizes of folders, which depend on what was in them', async () => {
    expect(await compare([entry('a', 'dir', { size: 4096 })], [entry('a', 'dir', { size: 8192 })])).toEqual([]);
  });

  it('lets go of both walks when its consumer leaves', async () => {
    let freed = 0;
    async function* endless(): AsyncGenerator<FsEntry> {
      try {
        for (let i = 0; ; i++) yield entry(`${i}`.padStart(9, '0'));
      } finally {
        freed++;
      }
    }
    for await (const difference of differences(walk([]), endless())) {
      expect(difference.kind).toBe('add');
      break;
    }
    expect(freed).toBe(1);
  });
});
