import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { mediaTypes, type Descriptor, type Digest, type ImageConfigDefaults } from '@gantry/oci';

export interface TestImage {
  readonly config?: ImageConfigDefaults;
  /** One text a layer; equal texts make equal layers. */
  readonly layers?: readonly string[];
  readonly architecture?: string;
  /** Changes the configuration before it is written. */
  readonly damage?: (image: Record<string, unknown>) => void;
  /** Wrap the manifest in an index. */
  readonly index?: boolean;
}

/** One regular file in a tar (POSIX ustar): enough for a layer with something in it. */
function tarOf(text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write('file', 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512), Buffer.alloc(1024)]);
}

const sha = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Writes an OCI image layout with one image. Returns the digest that the image is known by. */
export async function writeLayout(folder: string, { config = {}, layers = ['base'], architecture = 'amd64', index = false, damage }: TestImage = {}): Promise<Digest> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const digest = sha(bytes);
    await writeFile(join(blobs, digest.slice(7)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  const tars = layers.map(tarOf);
  const image: Record<string, unknown> = {
    os: 'linux', architecture, created: '2026-03-04T05:06:07Z', author: 'somebody', config,
    rootfs: { type: 'layers', diff_ids: tars.map(sha) },
    history: [...layers.map((text) => ({ created: '2026-03-04T05:06:07Z', created_by: `COPY ${text}` })), { created: '2026-03-04T05:06:07Z', created_by: 'CMD', empty_layer: true, comment: 'last' }],
  };
  damage?.(image);
  const manifest = await put(
    json({
      schemaVersion: 2, mediaType: mediaTypes.manifest,
      config: await put(json(image), mediaTypes.config),
      layers: await Promise.all(tars.map((tar) => put(gzipSync(tar), mediaTypes.layerGzip))),
    }),
    mediaTypes.manifest,
  );
  const root = index ? await put(json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ ...manifest, platform: { os: 'linux', architecture } }] }), mediaTypes.index) : manifest;
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [root] }));
  return root.digest;
}
