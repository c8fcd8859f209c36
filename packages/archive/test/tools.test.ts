import { closeSync, chmodSync, chownSync, ftruncateSync, linkSync, lutimesSync, mkdirSync, openSync, readFileSync, symlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pictureOf } from './support/trees.ts';
import { hasProgram, makeWorld, needsRoot, run, type World } from './support/world.ts';

/** Everything that a file system holds and a tar can say. */
function makeOddTree(root: string): void {
  const at = (path: string): string => join(root, path);
  mkdirSync(at('dir/sub'), { recursive: true });
  mkdirSync(at('empty'), { mode: 0o700 });
  writeFileSync(at('dir/file'), 'content', { mode: 0o640 });
  writeFileSync(at('dir/empty-file'), '');
  writeFileSync(at('large'), Buffer.alloc(3_000_001, 'large'));
  writeFileSync(at('set-id'), '#!', { mode: 0o755 });
  chownSync(at('set-id'), 1234, 4321);
  chmodSync(at('set-id'), 0o6755);
  chownSync(at('dir/sub'), 70_000, 3_000_000);
  chmodSync(at('dir/sub'), 0o3775);
  linkSync(at('dir/file'), at('hard-link'));
  linkSync(at('dir/file'), at('dir/sub/another'));
  symlinkSync('/etc/passwd', at('absolute-link'));
  symlinkSync(`../${'x'.repeat(150)}`, at('dir/long-link'));
  linkSync(at('absolute-link'), at('link-to-link'));
  run('mkfifo', at('fifo'));
  run('mknod', at('char'), 'c', '1', '3');
  run('mknod', at('block'), 'b', '259', '70000');
  const name = 'n'.repeat(90);
  mkdirSync(at(`${name}/${name}/${name}`), { recursive: true });
  writeFileSync(at(`${name}/${name}/${name}/${name}`), 'far');
  linkSync(at(`${name}/${name}/${name}/${name}`), at('near'));
  writeFileSync(at('\u00fcml\u00e4ut \u65e5\u672c'), 'utf8');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/raw-`), Buffer.from([1, 10, 127, 255, 254])]), 'raw');
  const fd = openSync(at('sparse'), 'w');
  writeSync(fd, Buffer.alloc(4096, 'a'), 0, 4096, 1_048_576);
  writeSync(fd, Buffer.alloc(4096, 'b'), 0, 4096, 4_194_304);
  ftruncateSync(fd, 10_000_000);
  closeSync(fd);
  run('truncate', '-s', '5000000', at('all-hole'));
  utimesSync(at('dir/empty-file'), 1_500_000_000, 1_500_000_000.5);
  utimesSync(at('set-id'), 1, 1);
  lutimesSync(at('absolute-link'), 1_400_000_000, 1_400_000_000);
  utimesSync(at('dir/sub'), 1_300_000_000, 1_300_000_000);
  utimesSync(at('dir'), 1_200_000_000, 1_200_000_000);
  utimesSync(root, 1_100_000_000, 1_100_000_000);
}

const python = `
import sys, tarfile
fmt = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}[sys.argv[1]]
with tarfile.open(sys.argv[2], 'w', format=fmt) as t:
    t.add(sys.argv[3], arcname='.')
`;

interface Maker {
  readonly program: string;
  readonly args: (archive: string, root: string) => readonly string[];
  /** Digits of the fractions of seconds that it keeps. */
  readonly digits: number;
  /** It keeps holes. */
  readonly sparse?: boolean;
  /** Hard links to symbolic links become links of their own. */
  readonly splitsLinks?: boolean;
}

const makers: Record<string, Maker> = {
  'GNU tar, gnu': { program: 'tar', args: (a, r) => ['--format=gnu', '-cf', a, '-C', r, '.'], digits: 0 },
  'GNU tar, gnu, sparse': { program: 'tar', args: (a, r) => ['--format=gnu', '-S', '-cf', a, '-C', r, '.'], digits: 0, sparse: true },
  'GNU tar, oldgnu': { program: 'tar', args: (a, r) => ['--format=oldgnu', '-cf', a, '-C', r, '.'], digits: 0 },
  'GNU tar, posix': { program: 'tar', args: (a, r) => ['--format=posix', '-cf', a, '-C', r, '.'], digits: 9 },
  'GNU tar, posix, sparse 0.0': { program: 'tar', args: (a, r) => ['--format=posix', '-S', '--sparse-version=0.0', '-cf', a, '-C', r, '.'], digits: 9, sparse: true },
  'GNU tar, posix, sparse 0.1': { program: 'tar', args: (a, r) => ['--format=posix', '-S', '--sparse-version=0.1', '-cf', a, '-C', r, '.'], digits: 9, sparse: true },
  'GNU tar, posix, sparse 1.0': { program: 'tar', args: (a, r) => ['--format=posix', '-S', '--sparse-version=1.0', '-cf', a, '-C', r, '.'], digits: 9, sparse: true },
  'GNU tar, posix, sorted, with full names of links': { program: 'tar', args: (a, r) => ['--format=posix', '--sort=name', '--numeric-owner', '-P', '-cf', a, '-C', r, '--transform=s,^\\./,/abs//./,', '.'], digits: 9 },
  'bsdtar, pax': { program: 'bsdtar', args: (a, r) => ['--format=pax', '-cf', a, '-C', r, '.'], digits: 9, sparse: true },
  'bsdtar, restricted pax': { program: 'bsdtar', args: (a, r) => ['-cf', a, '-C', r, '.'], digits: 0, sparse: true },
  'bsdtar, gnutar': { program: 'bsdtar', args: (a, r) => ['--format=gnutar', '-cf', a, '-C', r, '.'], digits: 0 },
  'Python, gnu': { program: 'python3', args: (a, r) => ['-c', python, 'gnu', a, r], digits: 0, splitsLinks: true },
  'Python, pax': { program: 'python3', args: (a, r) => ['-c', python, 'pax', a, r], digits: 5, splitsLinks: true },
};

describe.skipIf(needsRoot !== '')('what other programs write', () => {
  let world: World;
  let tree: string;
  beforeAll(async () => {
    world = await makeWorld();
    tree = world.folder();
    makeOddTree(tree);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  for (const [name, { program, args, digits, sparse, splitsLinks }] of Object.entries(makers)) {
    it.skipIf(!hasProgram(program))(`is read and made as it was: ${name}`, async () => {
      const root = world.folder();
      const archive = `${root}.tar`;
      run(program, ...args(archive, tree));
      const result = await world.apply(root, 'overlay', { path: archive });
      const at = name.includes('full names') ? join(root, 'abs') : root;
      const told = (lines: readonly string[]): string[] =>
        lines
          .filter((line) => splitsLinks !== true || !/^(absolute-link|link-to-link) /.test(line))
          .map((line) => line.replace(/ (-?\d+)$/, (_, time: string) => ` ${BigInt(time) / 10n ** BigInt(9 - digits)}`));
      const [mine, theirs] = [told(pictureOf(at)), told(pictureOf(tree))];
      // The archive has no "." to give the top its metadata by then.
      expect(at === root ? mine : mine.slice(1)).toEqual(at === root ? theirs : theirs.slice(1));
      expect(result.externalLinks).toEqual([]);
      if (sparse === true) {
        await using session = await world.open(root);
        expect((await session.stat('sparse')).blocks * 512).toBeLessThan(100_000);
        expect((await session.stat('all-hole')).blocks).toBe(0);
      }
    });
  }

  it.skipIf(!hasProgram('bsdtar'))('keeps extended attributes of both spellings', async () => {
    const root = world.folder();
    const made = world.folder();
    writeFileSync(join(root, 'f'), '');
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    {
      await using session = await world.open(root);
      await session.setxattr('f', 'user.bytes', value);
      await session.setxattr('f', 'security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex'));
    }
    for (const [i, command] of [['bsdtar', '--format=pax', '--xattrs'], ['tar', '--format=posix', '--xattrs', '--xattrs-include=*']].entries()) {
      const archive = join(made, `a${i}.tar`);
      run(command[0]!, ...command.slice(1), '-cf', archive, '-C', root, 'f');
      expect(readFileSync(archive).includes('xattr')).toBe(true);
      await world.apply(made, 'apply', { path: archive });
      await using session = await world.open(made);
      expect([await session.getxattr('f', 'user.bytes'), await session.listxattr('f')]).toEqual([value, ['security.capability', 'user.bytes']]);
      await session.remove('f');
    }
  });
});
