import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, textLike } from './support/plan.ts';
import { makeWorld, mountsBelow, reasonToSkip, type World } from './support/world.ts';


describe.skipIf(reasonToSkip !== '')(`mounts of the host ${reasonToSkip}`, () => {
  let world: World;
  let count = 0;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  function folder(name = `f${(count += 1)}`): string {
    const path = join(world.dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  function optionsOf(path: string): string {
    return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((line) => line.split(' ')[4] === path) ?? '';
  }

  it('mounts a file system and takes it away', async () => {
    const target = folder();
    await world.native.mount({ source: 'mine', target, fstype: 'tmpfs', flags: 2, data: 'size=64k' });
    expect(optionsOf(target)).toMatch(/nosuid.* - tmpfs mine .*size=64k/);
    expect(await world.native.umount(target)).toBe(true);
    expect(await world.native.umount(target)).toBe(false);
    expect(await world.native.umount(join(world.dir, 'absent'))).toBe(false);
  });

  it('says which call failed, and why', async () => {
    expect(await failure(world.native.mount({ source: 'x', target: join(world.dir, 'absent'), fstype: 'tmpfs', flags: 0, data: '' }))).toMatchObject({
      kind: 'notFound',
      code: 'native-os',
      details: { errno: 'ENOENT', step: `mount ${join(world.dir, 'absent')}` },
    });
    expect(await failure(world.native.mount({ source: 'x', target: folder(), fstype: 'no-such', flags: 0, data: '' }))).toMatchObject({ details: { errno: 'ENODEV' } });
    const target = folder();
    await world.native.mount({ source: 'x', target, fstype: 'tmpfs', flags: 0, data: '' });
    const { openSync, closeSync } = await import('node:fs');
    writeFileSync(join(target, 'file'), '');
    const fd = openSync(join(target, 'file'), 'r');
    expect(await failure(world.native.umount(target))).toMatchObject({ kind: 'conflict', details: { errno: 'EBUSY' } });
    expect(await world.native.umount(target, { detach: true })).toBe(true);
    closeSync(fd);
  });

  it('binds by descriptor, read-only and recursively if asked', async () => {
    const source = folder();
    writeFileSync(join(source, 'file'), 'content');
    mkdirSync(join(source, 'below'));
    await world.native.mount({ source: 'x', target: join(source, 'below'), fstype: 'tmpfs', flags: 0, data: '' });
    writeFileSync(join(source, 'below/inner'), 'inner');
    const [flat, deep, file] = [folder(), folder(), join(world.dir, 'target-file')];
    writeFileSync(file, '');
    await world.native.bind({ source, target: flat });
    await world.native.bind({ source, target: deep, recursive: true, readonly: true });
    await world.native.bind({ source: join(source, 'file'), target: file, readonly: true });
    writeFileSync(join(flat, 'new'), '');
    expect(existsSync(join(flat, 'below/inner'))).toBe(false);
    expect(readFileSync(join(deep, 'below/inner'), 'utf8')).toBe('inner');
    expect(readFileSync(file, 'utf8')).toBe('content');
    for (const path of [join(deep, 'x'), join(deep, 'below/x'), file]) expect(() => writeFileSync(path, '')).toThrow(/EROFS/);
    for (const target of [flat, file, join(deep, 'below'), deep, join(source, 'below')]) expect(await world.native.umount(target)).toBe(true);
  });

  it('binds neither from nor to a symlink', async () => {
    const [source, target] = [folder(), folder()];
    const link = join(world.dir, 'link');
    symlinkSync(source, link);
    expect(await failure(world.native.bind({ source: link, target }))).toMatchObject({ kind: 'invalid', details: { errno: 'ELOOP' } });
    expect(await failure(world.native.bind({ source, target: link }))).toMatchObject({ details: { errno: 'ELOOP' } });
    expect(mountsBelow(world.dir)).toEqual([]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it('overlays layers in their order, writable and read-only', async () => {
    const base = folder('overlay');
    await world.native.mount({ source: 'x', target: base, fstype: 'tmpfs', flags: 0, data: '' });
    const lower = ['top', 'mid', 'low'].map((name) => join(base, name));
    for (const [i, path] of lower.entries()) {
      mkdirSync(path);
      writeFileSync(join(path, 'all'), String(i));
      writeFileSync(join(path, `only${i}`), '');
    }
    const [upper, work, merged, flat] = ['upper', 'work', 'merged', 'flat'].map((name) => join(base, name)) as [string, string, string, string];
    for (const path of [upper, work, merged, flat]) mkdirSync(path);
    await world.native.overlay({ target: merged, lower, upper, work, flags: ['volatile'], options: { xino: 'on' } });
    expect(readFileSync(join(merged, 'all'), 'utf8')).toBe('0');
    expect([0, 1, 2].every((i) => existsSync(join(merged, `only${i}`)))).toBe(true);
    writeFileSync(join(merged, 'new'), 'text');
    expect(readFileSync(join(upper, 'new'), 'utf8')).toBe('text');
    expect(optionsOf(merged)).toContain('volatile');
    await world.native.overlay({ target: flat, lower, readonly: true });
    expect(() => writeFileSync(join(flat, 'x'), '')).toThrow(/EROFS/);
    expect(await world.native.umount(merged)).toBe(true);
    expect(await world.native.umount(flat)).toBe(true);
    const error = await failure(world.native.overlay({ target: flat, lower: [join(base, 'absent')], readonly: true }));
    expect(error).toMatchObject({ code: 'native-os', details: { errno: 'ENOENT' } });
    expect(await failure(world.native.overlay({ target: flat, lower, flags: ['no-such-flag'], readonly: true }))).toMatchObject({ details: { errno: 'EINVAL', step: textLike(/no-such-flag/) } });
    await world.native.umount(base, { detach: true });
  });

  it('overlays 128 layers with paths longer than a mount option can be', async () => {
    const base = folder('deep');
    await world.native.mount({ source: 'x', target: base, fstype: 'tmpfs', flags: 0, data: '' });
    const lower = Array.from({ length: 128 }, (_, i) => join(base, 'x'.repeat(200), `a-layer-with-quite-a-long-name,and:a\\few,signs-${i}`));
    for (const [i, path] of lower.entries()) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, `only${i}`), '');
    }
    const merged = join(base, 'merged');
    mkdirSync(merged);
    await world.native.overlay({ target: merged, lower, readonly: true });
    expect(lower.every((_, i) => existsSync(join(merged, `only${i}`)))).toBe(true);
    await world.native.umount(merged);
    await world.native.umount(base, { detach: true });
  });

  it('makes a pipe with a name', async () => {
    const path = join(world.dir, 'fifo');
    await world.native.mkfifo(path, 0o620);
    expect(statSync(path).isFIFO()).toBe(true);
    expect(statSync(path).mode & 0o7777).toBe(0o620);
    expect(await failure(world.native.mkfifo(path, 0o600))).toMatchObject({ kind: 'conflict', details: { errno: 'EEXIST' } });
  });

  it('takes away a pin that is there or not', async () => {
    const path = join(world.dir, 'pin');
    writeFileSync(path, '');
    await world.native.mount({ source: '/proc/self/ns/uts', target: path, fstype: '', flags: 4096, data: '' });
    expect(mountsBelow(world.dir)).toEqual([path]);
    await world.native.unpin(path);
    expect(existsSync(path)).toBe(false);
    await world.native.unpin(path);
  });

  it('refuses a request that is malformed, and flags that make no mount', async () => {
    const { dialWith } = await import('../src/rpc.ts');
    for (const request of [{ op: 'mount' }, { op: 'umount', target: 7 }, { op: 'bind', source: '/' }, { op: 'mount', source: 'a\0b', target: '/x', fstype: 'tmpfs', flags: 0, data: '\0' }]) {
      expect(await failure(dialWith(join(world.runDir, 'z'), world.instance, request))).toMatchObject({ kind: 'invalid' });
    }
    await world.native.ping();
  });
});
