import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { layoutPath, reference } from '../src/index.ts';

interface Descriptor { readonly digest: string; readonly size: number; readonly platform?: { readonly architecture: string } }
const layout = layoutPath();
const bytes = (d: Descriptor): Buffer => readFileSync(join(layout, 'blobs', ...d.digest.split(':')));
const json = (d: Descriptor): Record<string, unknown> => JSON.parse(bytes(d).toString()) as Record<string, unknown>;
const sha256 = (b: Buffer): string => `sha256:${createHash('sha256').update(b).digest('hex')}`;

describe.skipIf(!existsSync(join(layout, 'index.json')))('the layout of hello (built)', () => {
  const top = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  const index = json(top.manifests[0]!) as unknown as { manifests: Descriptor[] };

  it('names every blob by its digest', () => {
    for (const name of readdirSync(join(layout, 'blobs/sha256'))) {
      expect(sha256(readFileSync(join(layout, 'blobs/sha256', name)))).toBe(`sha256:${name}`);
    }
  });

  it('has an image for this machine, whose layers are what its config says', () => {
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    const manifest = json(index.manifests.find((m) => m.platform?.architecture === arch)!) as unknown as { config: Descriptor; layers: Descriptor[] };
    const config = json(manifest.config) as unknown as { rootfs: { diff_ids: string[] }; config: { Entrypoint: string[] } };
    expect(manifest.layers.map((layer) => sha256(gunzipSync(bytes(layer))))).toEqual(config.rootfs.diff_ids);
    expect(config.rootfs.diff_ids).toHaveLength(2);
    expect(config.config.Entrypoint).toEqual(['/hello']);
    expect(reference).toBe('hello:latest');
  });
});
