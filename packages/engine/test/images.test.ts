import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '@gantry/errors';
import { describe, expect, it } from 'vitest';
import type { Engine, PullProgress } from '../src/index.ts';
import { Bench, eventsOf } from './support/engine.ts';

const two = { 'app:1': { layers: ['base', 'app'], config: { Cmd: ['run'], Labels: { a: 'b' } } }, 'other:2': { layers: ['base', 'other'] } };

async function blobs(bench: Bench): Promise<string[]> {
  return readdir(join(bench.root, 'data', 'blobs', 'sha256'));
}

async function tags(engine: Engine): Promise<string[]> {
  return (await engine.images.list()).flatMap(({ repoTags }) => repoTags).sort();
}

const inUse = (message: string): unknown => expect.objectContaining({ kind: 'conflict', code: 'image-in-use', message });

describe('pulling', () => {
  it('brings an image here, once, and tells how', async () => {
    await using bench = await Bench.make({ 'app:1': { layers: ['base', 'app'], config: { Labels: { a: 'b' } }, index: true } });
    const engine = await bench.open();
    const progress: PullProgress[] = [];
    const first = await engine.images.pull('app:1', { onProgress: (p) => progress.push(p) });
    expect(first).toMatchObject({ reference: 'app:1', changed: true });
    expect(progress.map((p) => (p.kind === 'layer' ? p.phase : p.kind))).toEqual(expect.arrayContaining(['resolving', 'waiting', 'downloading', 'downloaded', 'extracting', 'complete']));
    const again: PullProgress[] = [];
    expect(await engine.images.pull('app:1', { onProgress: (p) => again.push(p) })).toEqual({ ...first, changed: false });
    expect(again.filter((p) => p.kind === 'layer').map((p) => p.phase)).toEqual(['exists', 'exists']);

    const [image] = await engine.images.list();
    expect(image).toMatchObject({ id: first.digest, repoTags: ['app:1'], repoDigests: [`app@${first.digest}`], labels: { a: 'b' }, containers: 0, createdAt: '2026-03-04T05:06:07Z' });
    const details = await engine.images.inspect(first.digest.slice(7, 20));
    expect(details).toMatchObject({ author: 'somebody', comment: 'last', platform: { os: 'linux', architecture: 'amd64' }, storageDriver: 'memory' });
    expect(details.layers).toHaveLength(2);
    expect(details.size).toBe([...bench.world.layers.values()].reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('shares layers between images and joins pulls of one layer', async () => {
    await using bench = await Bench.make(two);
    const engine = await bench.open();
    await Promise.all([engine.images.pull('app:1'), engine.images.pull('other:2'), engine.images.pull('app:1')]);
    expect(bench.world.layers.size).toBe(3);
    expect(bench.world.calls.filter((call) => call === 'storage.publish')).toHaveLength(3);
    expect(bench.world.ingests.size).toBe(0);
    const shared = await engine.images.list({ sharedSize: true });
    expect(shared.map(({ sharedSize }) => sharedSize > 0)).toEqual([true, true]);
  });

  it('that is aborted makes no image, and keeps what it got for the next', async () => {
    await using bench = await Bench.make(two);
    const engine = await bench.open();
    const abort = new AbortController();
    let publishes = 0;
    bench.world.fault = (call) => {
      if (call !== 'storage.publish' || ++publishes < 2) return;
      abort.abort();
      throw new GantryError('aborted', 'aborted', 'aborted');
    };
    await expect(engine.images.pull('app:1', { signal: abort.signal })).rejects.toThrow(expect.objectContaining({ kind: 'aborted' }));
    expect(await engine.images.list()).toEqual([]);
    expect(bench.world.ingests.size).toBe(0);
    bench.world.fault = () => undefined;
    await bench.close();
    const phases: string[] = [];
    await (await bench.open()).images.pull('app:1', { onProgress: (p) => (p.kind === 'layer' ? phases.push(p.phase) : undefined) });
    expect(phases).toContain('exists');
    expect(bench.world.layers.size).toBe(2);
  });

  it('moves a name, and leaves the image before it dangling', async () => {
    await using bench = await Bench.make({ 'app:1': { layers: ['old'] } });
    await bench.ready();
    await bench.addImage('app:1', { layers: ['new'] });
    await bench.close();
    const next = await bench.open();
    expect((await next.images.pull('app:1')).changed).toBe(true);
    expect(await next.images.list({ filter: { dangling: true } })).toMatchObject([{ repoTags: [], repoDigests: [] }]);
    expect(await next.images.list()).toHaveLength(2);
  });

  it('whose layer the storage refuses leaves nothing', async () => {
    await using bench = await Bench.make(two);
    const engine = await bench.open();
    bench.world.fault = (call) => {
      if (call === 'storage.ingest') throw new GantryError('exhausted', 'disk-full', 'the disk is full');
    };
    await expect(engine.images.pull('app:1')).rejects.toThrow('the disk is full');
    expect(await engine.images.list()).toEqual([]);
    expect([bench.world.layers.size, bench.world.ingests.size]).toEqual([0, 0]);
  });
});

describe('a hostile image', () => {
  it.each<[what: string, damage: (image: Record<string, unknown>) => void]>([
    ['a history that is none', (image) => (image['history'] = 'none')],
    ['a configuration without layers', (image) => delete image['rootfs']],
    ['a diff ID that is none', (image) => (image['rootfs'] = { type: 'layers', diff_ids: ['sha256:x'] })],
    ['more layers than its manifest', (image) => (image['rootfs'] = { type: 'layers', diff_ids: Array.from({ length: 3 }, () => `sha256:${'0'.repeat(64)}`) })],
    ['a lie about a layer', (image) => (image['rootfs'] = { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] })],
    ['labels that are no texts', (image) => (image['config'] = { Labels: { a: { toString: 1 } } })],
  ])('with %s is refused, and leaves nothing', async (_what, damage) => {
    await using bench = await Bench.make({});
    await bench.addImage('bad:1', { layers: ['base'], damage });
    const engine = await bench.open();
    await expect(engine.images.pull('bad:1')).rejects.toThrow(expect.objectContaining({ kind: expect.stringMatching(/invalid|dataLoss/) as string }));
    expect(await engine.images.list()).toEqual([]);
    expect([bench.world.layers.size, bench.world.ingests.size]).toEqual([0, 0]);
  });

  it('cannot pick variables, paths or drivers of ours', async () => {
    await using bench = await Bench.make({ 'sly:1': { config: { Env: ['HOME', '*', '=', 'PATH'], Labels: { 'io.gantry.log': 'binary:///bin/sh' }, WorkingDir: '/../../etc', Volumes: { '/../../etc': {} }, Cmd: ['sleep'] } } });
    const engine = await bench.ready();
    const { id } = await engine.containers.create({ image: 'sly:1' });
    await engine.containers.start(id);
    const run = bench.world.runs.get(id)?.request;
    expect(run?.spec.process).toMatchObject({ cwd: '/etc', env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', `HOSTNAME=${id.slice(0, 12)}`, 'HOME=/root'] });
    expect(run?.spec.mounts?.map(({ destination }) => destination)).not.toContain('/etc');
    expect((await engine.containers.inspect(id)).config.log).toEqual({ driver: 'memory-log', options: {} });
  });
});

describe('removing', () => {
  it('takes names away, then the image with its layers and blobs, but not those of others', async () => {
    await using bench = await Bench.make(two);
    const engine = await bench.ready();
    await engine.images.tag('app:1', 'registry.test:5000/team/app');
    expect(await tags(engine)).toEqual(['app:1', 'other:2', 'registry.test:5000/team/app:latest']);
    expect(await engine.images.remove('app:1')).toEqual([{ untagged: 'app:1' }]);
    const { id } = await engine.images.inspect('registry.test:5000/team/app');
    const removed = await engine.images.remove(id);
    expect(removed.slice(0, 2)).toEqual([{ untagged: 'registry.test:5000/team/app:latest' }, { deleted: id }]);
    expect(removed).toHaveLength(3);
    expect(bench.world.layers.size).toBe(2);
    expect(await blobs(bench)).toHaveLength(2);
    await engine.images.remove('other:2');
    expect(bench.world.layers.size).toBe(0);
    expect(await blobs(bench)).toEqual([]);
    expect((await eventsOf(engine, ({ action }) => action)).filter((action) => action !== 'pull')).toEqual(['tag', 'untag', 'untag', 'delete', 'untag', 'delete']);
    await expect(engine.images.inspect('other:2')).rejects.toThrow('No such image: other:2');
  });

  it('respects containers, as Docker does', async () => {
    await using bench = await Bench.make({ 'app:1': { layers: ['base', 'app'] } });
    const engine = await bench.ready();
    const { id } = await engine.images.inspect('app:1');
    const short = id.slice(7, 19);
    const { id: container } = await engine.containers.create({ image: 'app:1', cmd: ['sleep'] });
    await expect(engine.images.remove('app:1')).rejects.toThrow(inUse(`conflict: unable to remove repository reference "app:1" (must force) - container ${container.slice(0, 12)} is using its referenced image ${short}`));
    await expect(engine.images.remove(id)).rejects.toThrow(inUse(`conflict: unable to delete ${short} (must be forced) - image is being used by stopped container ${container.slice(0, 12)}`));
    await engine.containers.start(container);
    await expect(engine.images.remove(id, { force: true })).rejects.toThrow(inUse(`conflict: unable to delete ${short} (cannot be forced) - image is being used by running container ${container.slice(0, 12)}`));
    expect(await engine.images.remove('app:1', { force: true })).toEqual([{ untagged: 'app:1' }]);
    await engine.containers.kill(container);
    await engine.containers.wait(container);
    await expect.poll(() => bench.world.runs.size).toBe(0);
    // The image goes; its layers stay for as long as the container stands on them.
    expect(await engine.images.remove(id, { force: true })).toEqual([{ deleted: id }]);
    expect(bench.world.layers.size).toBe(2);
    await engine.containers.start(container);
    await engine.containers.remove(container, { force: true });
    await bench.close();
    await bench.open();
    expect(bench.world.layers.size).toBe(0);
  });

  it('of an id with names in several repositories must be forced', async () => {
    await using bench = await Bench.make({ 'app:1': {} });
    const engine = await bench.ready();
    await engine.images.tag('app:1', 'copy:1');
    const { id } = await engine.images.inspect('app:1');
    await expect(engine.images.remove(id)).rejects.toThrow(inUse(`conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`));
    const [layer] = bench.world.layers.keys();
    expect(await engine.images.remove(id, { force: true })).toEqual([{ untagged: 'app:1' }, { untagged: 'copy:1' }, { deleted: id }, { deleted: layer }]);
    expect(await engine.images.list()).toEqual([]);
  });
});

describe('looking up and filtering', () => {
  it('goes by name before id, by digest, and says what is not there', async () => {
    await using bench = await Bench.make(two);
    const engine = await bench.ready();
    const { id } = await engine.images.inspect('docker.io/library/app:1');
    expect((await engine.images.inspect(`app@${id}`)).id).toBe(id);
    expect((await engine.images.inspect(id.slice(0, 20))).id).toBe(id);
    expect((await engine.images.inspect((await engine.images.inspect(id)).configDigest)).id).toBe(id);
    await expect(engine.images.inspect(`other@${id}`)).rejects.toThrow('No such image');
    await expect(engine.images.inspect('nothing')).rejects.toThrow('No such image: nothing:latest');
    await expect(engine.images.inspect('app:1', { platform: { os: 'linux', architecture: 's390x' } })).rejects.toThrow('does not provide the specified platform (linux/s390x)');
    await expect(engine.images.tag('app:1', `x@${id}`)).rejects.toThrow('refusing to create a tag with a digest reference');
    await expect(engine.containers.create({ image: 'nothing' })).rejects.toThrow(expect.objectContaining({ kind: 'notFound', code: 'no-such-image' }));
  });

  it('filters by label, reference and age', async () => {
    await using bench = await Bench.make(two);
    const engine = await bench.ready();
    const names = async (filter: object): Promise<string[]> => (await engine.images.list({ filter })).flatMap(({ repoTags }) => repoTags).sort();
    expect(await names({ labels: ['a=b'] })).toEqual(['app:1']);
    expect(await names({ references: ['o*r'] })).toEqual(['other:2']);
    expect(await names({ references: ['*:1'] })).toEqual(['app:1']);
    expect(await names({ until: '2026-01-01T00:00:00Z' })).toEqual([]);
    expect(await names({ dangling: false })).toEqual(['app:1', 'other:2']);
    expect((await engine.images.history('app:1')).map(({ createdBy, size, tags: own }) => [createdBy, size > 0, own])).toEqual([['CMD', false, ['app:1']], ['COPY app', true, []], ['COPY base', true, []]]);
  });
});

describe('an engine that is killed during a pull', () => {
  it('leaves either the whole image or what the next pull goes on from', async () => {
    await using bench = await Bench.make(two);
    for (let n = 0; ; n++) {
      const engine = await bench.open();
      const crashed = bench.world.crashAt(n);
      const how = await Promise.race([crashed.then(() => 'killed'), engine.images.pull('app:1').then(() => 'pulled')]);
      await bench.close();
      void bench.world.crashAt(Infinity);
      const next = await bench.open();
      expect(bench.world.ingests.size).toBeLessThanOrEqual(2);
      if (how === 'pulled') break;
      expect(await next.images.list()).toEqual([]);
      await next.images.pull('app:1');
      expect(bench.world.layers.size).toBe(2);
      await next.images.remove('app:1');
      expect(bench.world.layers.size).toBe(0);
      bench.world.ingests.clear();
      await bench.close();
    }
  });
});
