import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
// eslint-disable-next-line n/no-unsupported-features/node-builtins -- makes what the code under test reads
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf, mediaTypes, type Descriptor, type Digest, type ImageManifest } from '@gantry/oci';
import { sendJson, type Handler, type Seen } from './scripted-server.ts';

export type Packing = 'none' | 'gzip' | 'zstd';

const layerTypes = { none: mediaTypes.layer, gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd };

/** What a registry holds: manifests with their types, and blobs, by digest; and tags. */
export class Holding {
  readonly manifests: Map<string, { mediaType: string; bytes: Buffer }> = new Map<string, { mediaType: string; bytes: Buffer }>();
  readonly blobs: Map<string, Buffer> = new Map<string, Buffer>();

  manifest(value: unknown, mediaType: string, tag?: string): Descriptor {
    const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    const digest = digestOf(bytes);
    this.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) this.manifests.set(tag, { mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  }

  blob(bytes: Buffer, mediaType: string): Descriptor {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** An image of these layers (tars; here any bytes do), for one platform. */
  image(layers: readonly (Buffer | { readonly data: Buffer; readonly packing: Packing })[], o: { tag?: string; platform?: { os: string; architecture: string; variant?: string }; config?: object; manifest?: object } = {}): { descriptor: Descriptor; manifest: ImageManifest; diffIds: Digest[] } {
    const unpacked = layers.map((layer) => (Buffer.isBuffer(layer) ? { data: layer, packing: 'gzip' as const } : layer));
    const diffIds = unpacked.map(({ data }) => digestOf(data));
    const descriptors = unpacked.map(({ data, packing }) => this.blob(pack(data, packing), layerTypes[packing]));
    const config = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch, ...o.platform, rootfs: { type: 'layers', diff_ids: diffIds }, ...o.config };
    const manifest: ImageManifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: this.blob(Buffer.from(JSON.stringify(config)), mediaTypes.config), layers: descriptors, ...o.manifest };
    return { descriptor: this.manifest(manifest, mediaTypes.manifest, o.tag), manifest, diffIds };
  }

  index(manifests: readonly object[], tag?: string): Descriptor {
    return this.manifest({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, mediaTypes.index, tag);
  }

  /** Serves it as a registry does. */
  readonly serve: Handler = (request, response) => {
    const [, kind, name] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)$/.exec(request.path) ?? [];
    if (kind === 'manifests' && name !== undefined) this.#serveManifest(name, request, response);
    else if (kind === 'blobs' && name !== undefined) this.#serveBlob(name, request, response);
    else sendJson(response, 404, {});
  };

  #serveManifest(name: string, request: Seen, response: ServerResponse): void {
    const found = this.manifests.get(name);
    if (found === undefined) {
      sendJson(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] });
      return;
    }
    response.writeHead(200, { 'Content-Type': found.mediaType, 'Content-Length': found.bytes.length, 'Docker-Content-Digest': digestOf(found.bytes) });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  }

  #serveBlob(name: string, request: Seen, response: ServerResponse): void {
    const bytes = this.blobs.get(name);
    if (bytes === undefined) {
      sendJson(response, 404, { errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown' }] });
      return;
    }
    sendBlob(request, response, bytes);
  }
}

/** With ranges. */
export function sendBlob(request: Seen, response: ServerResponse, bytes: Buffer): void {
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  if (from === undefined) {
    response.writeHead(200, { 'Content-Length': bytes.length });
    response.end(bytes);
    return;
  }
  const part = bytes.subarray(Number(from));
  response.writeHead(206, { 'Content-Length': part.length, 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
  response.end(part);
}

export function pack(data: Buffer, packing: Packing): Buffer {
  if (packing === 'gzip') return gzipSync(data, { level: 1 });
  return packing === 'zstd' ? zstdCompressSync(data) : data;
}

/** Bytes that do not compress, so that sizes on the wire are what they seem. */
export function noise(length: number): Buffer {
  return randomBytes(length);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
