import { describe, expect, it } from 'vitest';
import { digestOf, maxImageLayers, maxIndexManifests, mediaTypes, parseImageConfig, parseManifest } from '../src/index.ts';

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const layer = { mediaType: mediaTypes.layerGzip, digest: digestOf('layer'), size: 5 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: { mediaType: mediaTypes.config, digest: digestOf('config'), size: 6 }, layers: [layer] };
const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ mediaType: mediaTypes.manifest, digest: digestOf('m'), size: 1, platform: { os: 'linux', architecture: 'amd64' } }] };
const failure = (code: string, message: string): unknown => expect.objectContaining({ kind: 'invalid', code, message: expect.stringContaining(message) as unknown });

describe('parseManifest', () => {
  it('reads a manifest, with or without its own media type', () => {
    expect(parseManifest(bytes(manifest), mediaTypes.manifest)).toEqual({ kind: 'manifest', mediaType: mediaTypes.manifest, manifest });
    const bare = { schemaVersion: 2, config: manifest.config, layers: manifest.layers };
    expect(parseManifest(bytes(bare), mediaTypes.dockerManifest)).toEqual({ kind: 'manifest', mediaType: mediaTypes.dockerManifest, manifest: bare });
  });

  it('reads an index', () => {
    expect(parseManifest(bytes(index), mediaTypes.index)).toEqual({ kind: 'index', mediaType: mediaTypes.index, index });
  });

  it('keeps what artifacts add', () => {
    const artifact = { ...manifest, artifactType: 'application/x', subject: layer, annotations: { 'org.opencontainers.image.title': '../../x' } };
    expect(parseManifest(bytes(artifact), mediaTypes.manifest)).toMatchObject({ manifest: artifact });
  });

  // CVE-2021-41190: one digest read as two kinds of document.
  it.each([
    ['a manifest with manifests', { ...manifest, manifests: index.manifests }, mediaTypes.manifest, 'manifests has no place in a manifest'],
    ['an index with layers', { ...index, layers: [layer] }, mediaTypes.index, 'layers has no place in an index'],
    ['an index with a config', { ...index, config: manifest.config }, mediaTypes.index, 'config has no place in an index'],
    ['a manifest stored as an index', manifest, mediaTypes.index, 'but the document is stored as'],
    ['an OCI body under Docker\'s type', manifest, mediaTypes.dockerManifest, 'but the document is stored as'],
    ['a key that Go takes in any case', { ...manifest, Manifests: index.manifests }, mediaTypes.manifest, 'is spelt otherwise than manifests'],
    ['no kind of its own', { schemaVersion: 2 }, mediaTypes.manifest, 'config is missing'],
    ['an index without manifests', { schemaVersion: 2 }, mediaTypes.index, 'manifests is missing'],
    ['a digest that is a path', { ...manifest, layers: [{ ...layer, digest: 'sha256:../../x' }] }, mediaTypes.manifest, 'layers[0].digest is not sha256:'],
    ['a digest that is too short', { ...manifest, config: { ...layer, digest: 'sha256:x' } }, mediaTypes.manifest, 'config.digest is not sha256:'],
    ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }, mediaTypes.manifest, 'layers[0].size is not a whole number'],
    ['a size above 2^53', { ...manifest, layers: [{ ...layer, size: 1e300 }] }, mediaTypes.manifest, 'layers[0].size is not a whole number'],
    ['a media type with a line break', { ...manifest, layers: [{ ...layer, mediaType: 'a/b\nc' }] }, mediaTypes.manifest, 'is not a media type'],
    ['layers that are no list', { ...manifest, layers: { 0: layer } }, mediaTypes.manifest, 'layers is not a list'],
    ['annotations that are no strings', { ...manifest, annotations: { a: 1 } }, mediaTypes.manifest, 'annotations.a is not a string'],
    ['too many layers', { ...manifest, layers: Array(maxImageLayers + 1).fill(layer) }, mediaTypes.manifest, 'more than 500'],
    ['too many manifests', { ...index, manifests: Array(maxIndexManifests + 1).fill(index.manifests[0]) }, mediaTypes.index, 'more than 4096'],
    ['another schema', { ...manifest, schemaVersion: 3 }, mediaTypes.manifest, 'schemaVersion is not 2'],
    ['a list', [], mediaTypes.manifest, 'it is not an object'],
    ['no JSON', '{"a":', mediaTypes.manifest, 'not JSON'],
  ])('refuses %s', (_, body, mediaType, message) => {
    expect(() => parseManifest(bytes(body), mediaType)).toThrow(failure('bad-manifest', message));
  });

  it('refuses bytes that are not UTF-8, and a byte order mark', () => {
    expect(() => parseManifest(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), mediaTypes.manifest)).toThrow(failure('bad-manifest', 'not JSON in UTF-8'));
    expect(() => parseManifest(Buffer.concat([Buffer.from('\ufeff'), bytes(manifest)]), mediaTypes.manifest)).toThrow(failure('bad-manifest', 'not JSON in UTF-8'));
  });

  it('names schema 1 for what it is, by type or by body', () => {
    const old = { schemaVersion: 1, name: 'a', fsLayers: [], history: [] };
    expect(() => parseManifest(bytes(old), 'application/vnd.docker.distribution.manifest.v1+prettyjws')).toThrow(failure('manifest-schema1', 'schema 1'));
    expect(() => parseManifest(bytes(old), mediaTypes.dockerManifest)).toThrow(failure('manifest-schema1', 'schema 1'));
  });

  it('names a type that is no manifest', () => {
    expect(() => parseManifest(bytes(manifest), 'text/html')).toThrow(failure('unsupported-media-type', '"text/html"'));
  });

  it('refuses 100,000 nested lists at once, also behind quotes', () => {
    const started = performance.now();
    for (const text of [`{"layers":${'['.repeat(100_000)}`, `{"a\\"":"[[","layers":${'{"a":'.repeat(100_000)}`]) {
      expect(() => parseManifest(bytes(text), mediaTypes.manifest)).toThrow(failure('bad-manifest', 'nested deeper'));
    }
    expect(performance.now() - started).toBeLessThan(200);
  });

  it('counts no brackets inside strings', () => {
    const annotations = { note: `${'['.repeat(64)}"\\` };
    expect(parseManifest(bytes({ ...manifest, annotations }), mediaTypes.manifest)).toMatchObject({ manifest: { annotations } });
  });

  it('takes __proto__ for a name like any other', () => {
    const text = JSON.stringify({ ...manifest, annotations: { a: 'b' } }).replace('"a":"b"', '"__proto__":"x"').replace('{"schemaVersion', '{"__proto__":{"layers":[]},"schemaVersion');
    const parsed = parseManifest(bytes(text), mediaTypes.manifest);
    expect(parsed.kind === 'manifest' && Object.entries(parsed.manifest.annotations ?? {})).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('parseImageConfig', () => {
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digestOf('a')] } };

  it('reads what Docker writes', () => {
    const defaults = { Env: ['A=b'], Cmd: ['sh'], ExposedPorts: { '80/tcp': {} }, Volumes: { '/data': {} }, Labels: { a: 'b' }, WorkingDir: '/', User: '1:2', StopSignal: 'SIGINT', Healthcheck: { Test: ['NONE'], Interval: 1e9, Retries: 3 }, OnBuild: ['RUN x'], Shell: ['sh'] };
    const full = {
      ...config,
      created: '2026-01-02T03:04:05Z',
      author: 'me',
      config: { ...defaults, Entrypoint: null },
      history: [{ created: '2026-01-02T03:04:05Z', created_by: 'RUN', comment: 'c', author: 'a', empty_layer: true }],
    };
    expect(parseImageConfig(bytes(full))).toEqual({ ...full, config: defaults });
  });

  it('takes null for absent, as Go writes it', () => {
    expect(parseImageConfig(bytes({ ...config, history: null, config: { Env: null, Labels: null, Volumes: null }, rootfs: { type: 'layers', diff_ids: null } }))).toEqual({
      os: 'linux',
      architecture: 'amd64',
      config: {},
      rootfs: { type: 'layers', diff_ids: [] },
    });
  });

  it('takes a configuration of old builders without a platform', () => {
    expect(parseImageConfig(bytes({ rootfs: config.rootfs }))).toMatchObject({ os: 'linux', architecture: '' });
  });

  it.each([
    ['no rootfs', { os: 'linux', architecture: 'amd64' }, 'rootfs is missing'],
    ['another rootfs', { ...config, rootfs: { type: 'x', diff_ids: [] } }, 'rootfs.type is not "layers"'],
    ['a bad diff ID', { ...config, rootfs: { type: 'layers', diff_ids: ['sha256:x'] } }, 'rootfs.diff_ids[0] is not sha256:'],
    ['too many diff IDs', { ...config, rootfs: { type: 'layers', diff_ids: Array(maxImageLayers + 1).fill(digestOf('a')) } }, 'more than 500'],
    ['an Env that is text', { ...config, config: { Env: 'A=b' } }, 'config.Env is not a list'],
    ['an Env of numbers', { ...config, config: { Env: [1] } }, 'config.Env[0] is not a string'],
    ['a volume that is a number', { ...config, config: { Volumes: { '/a': 1 } } }, 'config.Volumes./a is not an object'],
    ['a history of text', { ...config, history: ['x'] }, 'history[0] is not an object'],
    ['a port list', { ...config, config: { ExposedPorts: ['80/tcp'] } }, 'config.ExposedPorts is not an object'],
    ['a retry count of text', { ...config, config: { Healthcheck: { Retries: '3' } } }, 'config.Healthcheck.Retries is not a whole number'],
    ['empty_layer of text', { ...config, history: [{ empty_layer: 'yes' }] }, 'history[0].empty_layer is not true or false'],
  ])('refuses %s', (_, value, message) => {
    expect(() => parseImageConfig(bytes(value))).toThrow(failure('bad-image-config', message));
  });
});
