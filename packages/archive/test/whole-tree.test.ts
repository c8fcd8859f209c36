import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FsSession } from '@gantry/linux';
import { packTree } from '../src/index.ts';
import { pictureOf } from './support/trees.ts';
import { makeWorld, needsRoot, run, type World } from './support/world.ts';

/** A whole Debian, as `tools/lab/peers.sh` makes it. */
const debian = join(process.env['PEERS'] ?? '/tmp/peer', 'deb');
const reason = needsRoot !== '' ? needsRoot : existsSync(join(debian, 'usr')) ? '' : `needs ${debian}`;

async function attributesOf(session: FsSession, path: string): Promise<string[]> {
  const all: string[] = [];
  for await (const entry of session.walk(path, { xattrs: true })) {
    for (const [name, value] of entry.xattrs) all.push(`${entry.path.toString('latin1')} ${name} ${Buffer.from(value).toString('hex')}`);
  }
  return all;
}

describe.skipIf(reason !== '')(`a whole Debian ${reason}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  }, 300_000);

  it('becomes what GNU tar makes of it, in every byte and field, and is packed as it was', { timeout: 600_000 }, async () => {
    const source = world.folder();
    // Attributes and the kinds of files that a base system lacks.
    run('cp', '-a', `${debian}/.`, source);
    {
      await using session = await world.open(source);
      await session.setxattr('usr/bin/env', 'security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex'));
      await session.setxattr('etc', 'user.marked', Buffer.from([0, 1, 255]));
      await session.setxattr('etc/debian_version', 'system.posix_acl_access', Buffer.from('0200000001000600ffffffff020006002100000004000400ffffffff10000600ffffffff20000400ffffffff', 'hex'));
    }
    run('mknod', join(source, 'dev/disk'), 'b', '8', '1');
    run('mkfifo', join(source, 'run/pipe'));
    const archive = world.path('debian.tar');
    run('tar', '-C', source, '--format=posix', '--xattrs', '--xattrs-include=*', '--acls', '-cf', archive, '.');
    const theirs = world.folder();
    run('tar', '-C', theirs, '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', archive);
    const mine = world.folder();
    const result = await world.apply(mine, 'overlay', { path: archive }, { sync: true });
    expect([result.implied, result.externalLinks, result.whiteouts]).toEqual([[], [], 0]);
    const expected = pictureOf(theirs);
    expect(expected.length).toBeGreaterThan(5000);
    expect(pictureOf(mine)).toEqual(expected);
    {
      await using session = await world.open(world.dir);
      const name = (root: string): string => root.slice(world.dir.length + 1);
      expect((await attributesOf(session, name(mine))).filter((line) => !line.includes('posix_acl'))).toEqual((await attributesOf(session, name(theirs))).filter((line) => !line.includes('posix_acl')));
      expect((await attributesOf(session, name(mine))).length).toBeGreaterThanOrEqual(2);
    }

    const packed = world.path('packed.tar');
    const chunks: Uint8Array[] = [];
    for await (const chunk of packTree({ native: world.native.endpoint, root: mine })) chunks.push(chunk);
    writeFileSync(packed, Buffer.concat(chunks));
    rmSync(theirs, { recursive: true });
    mkdirSync(theirs);
    run('tar', '-C', theirs, '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', packed);
    expect(pictureOf(theirs).slice(1)).toEqual(expected.slice(1));
  });
});
