import { createHash } from 'node:crypto';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { ok } from './run.ts';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Manifest {
  readonly config: { readonly digest: string; readonly size: number; readonly mediaType: string };
  readonly layers: readonly unknown[];
}

/** Pushes an image that is another one with one more layer, by the registry's own API. `netns`: a process in the registry's network namespace. */
export async function pushVariant(netns: number, base: string, tag: string, name: string, files: Readonly<Record<string, string>>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-e2e-push-'));
  const curl = (...args: string[]): Promise<string> => ok('nsenter', [`--net=/proc/${netns}/ns/net`, '--', 'curl', '-sS', '--fail-with-body', ...args]);
  const registry = 'http://127.0.0.1:5000/v2';
  const upload = async (bytes: Buffer): Promise<void> => {
    const headers = await curl('-X', 'POST', '-D', '-', '-o', '/dev/null', `${registry}/${name}/blobs/uploads/`);
    const location = /^location: (.*?)\r?$/im.exec(headers)?.[1] ?? '';
    const file = join(dir, 'blob');
    writeFileSync(file, bytes);
    await curl('-X', 'PUT', '-H', 'Content-Type: application/octet-stream', '--data-binary', `@${file}`, `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(sha256(bytes))}`);
  };
  try {
    const manifest = JSON.parse(await curl('-H', `Accept: ${manifestType}`, `${registry}/${base}/manifests/${tag}`)) as Manifest;
    const config = JSON.parse(await curl(`${registry}/${base}/blobs/${manifest.config.digest}`)) as { readonly rootfs: { readonly diff_ids: readonly string[] }; readonly history?: readonly unknown[] };
    for (const layer of manifest.layers as readonly { readonly digest: string }[]) {
      await curl('-X', 'POST', '-o', '/dev/null', `${registry}/${name}/blobs/uploads/?mount=${layer.digest}&from=${base}`);
    }
    const tree = join(dir, 'tree');
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const tar = execFileSync('tar', ['-C', tree, '--sort=name', '--owner=0', '--group=0', '-c', '.']);
    const layer = gzipSync(tar);
    const newConfig = Buffer.from(JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: [...config.rootfs.diff_ids, sha256(tar)] }, history: [...(config.history ?? []), { created_by: 'a variant' }] }));
    await upload(layer);
    await upload(newConfig);
    const body = Buffer.from(JSON.stringify({
      schemaVersion: 2, mediaType: manifestType,
      config: { mediaType: manifest.config.mediaType, size: newConfig.length, digest: sha256(newConfig) },
      layers: [...manifest.layers, { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', size: layer.length, digest: sha256(layer) }],
    }));
    const file = join(dir, 'manifest');
    writeFileSync(file, body);
    await curl('-X', 'PUT', '-H', `Content-Type: ${manifestType}`, '--data-binary', `@${file}`, `${registry}/${name}/manifests/${tag}`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
