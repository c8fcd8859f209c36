import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDaemon, type TestDaemon } from '../support/daemon.ts';
import { because, cannot, missing, registryStore } from '../support/needs.ts';
import { pushVariant } from '../support/push-image.ts';
import { ok } from '../support/run.ts';
import { describeTree } from '../support/tree.ts';

const debian = '127.0.0.1:5000/debian:12';
const reasons = [missing.root, missing.registry];

describe.skipIf(cannot(...reasons))(because('layers on disk', ...reasons), () => {
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await testDaemon({ registry: true });
    await daemon.gantry(['pull', '-q', debian]);
  });
  afterAll(async () => {
    await (daemon as TestDaemon | undefined)?.[Symbol.asyncDispose]();
  });

  it('are shared by images on one base', async () => {
    const used = async (): Promise<number> => Number((await ok('du', ['-sk', daemon.dataRoot])).split('\t')[0]);
    const one = await used();
    await pushVariant(daemon.netns, 'debian', '12', 'variant', { 'usr/share/extra': 'x'.repeat(1000) });
    expect((await daemon.gantry(['pull', '-q', '127.0.0.1:5000/variant:12'])).code).toBe(0);
    expect((await daemon.gantry(['run', '--rm', '127.0.0.1:5000/variant:12', 'wc', '-c', '/usr/share/extra'])).stdout).toBe('1000 /usr/share/extra\n');
    const both = await used();
    expect(both - one).toBeLessThan(2000);
    const layers = async (image: string): Promise<string[]> => JSON.parse((await daemon.gantry(['inspect', '-f', '{{json .RootFS.Layers}}', image])).stdout) as string[];
    expect((await layers('127.0.0.1:5000/variant:12')).slice(0, 1)).toEqual(await layers(debian));
  });

  it('are what tar makes of them, to the last attribute', { timeout: 180_000 }, async () => {
    const manifest = await ok('nsenter', [`--net=/proc/${daemon.netns}/ns/net`, '--', 'curl', '-s', '-H', 'Accept: application/vnd.docker.distribution.manifest.v2+json', 'http://127.0.0.1:5000/v2/debian/manifests/12']);
    const { layers } = JSON.parse(manifest) as { readonly layers: readonly { readonly digest: string }[] };
    expect(layers).toHaveLength(1);
    const hex = (layers[0]?.digest ?? '').slice('sha256:'.length);
    const blob = join(registryStore, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const reference = join(daemon.dir, 'reference');
    mkdirSync(reference);
    await ok('tar', ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpzf', blob, '-C', reference]);

    const found = globSync(join(daemon.dataRoot, '**/etc/debian_version')).map((path) => join(path, '../..'));
    const ours = found.find((dir) => readFileSync(join(dir, 'etc/debian_version'), 'utf8').startsWith('12.'));
    if (ours === undefined) throw new Error('no layer of debian on disk');
    const [mine, theirs] = [describeTree(ours), describeTree(reference)];
    expect(theirs.size).toBeGreaterThan(6000);
    expect([...mine.keys()].filter((path) => !theirs.has(path))).toEqual([]);
    for (const [path, entry] of theirs) expect([path, mine.get(path)]).toEqual([path, entry]);
  });
});
