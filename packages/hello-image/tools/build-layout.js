// Builds the image `hello` as an OCI image layout in dist/layout: two layers, one small static program, no clock and no
// host name in it, so that the same sources give the same digests.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('..', import.meta.url));
const native = join(here, 'native');
const layout = join(here, 'dist/layout');
const targets = {
  amd64: { triple: 'x86_64-unknown-linux-musl', node: 'x64' },
  arm64: { triple: 'aarch64-unknown-linux-musl', node: 'arm64' },
};

function compile({ triple, node }) {
  const installed = execFileSync('rustc', ['--print', 'target-libdir', '--target', triple], { encoding: 'utf8' }).trim();
  try {
    readFileSync(join(installed, '.'));
  } catch (error) {
    if (error.code !== 'EISDIR') execFileSync('rustup', ['target', 'add', triple], { stdio: 'inherit' });
  }
  const env = { ...process.env };
  // Rust brings a linker and musl's start files along, so no cross compiler is needed.
  if (node !== process.arch) env[`CARGO_TARGET_${triple.toUpperCase().replaceAll('-', '_')}_LINKER`] = 'rust-lld';
  execFileSync('cargo', ['build', '--release', '--locked', '--quiet', '--target', triple], { cwd: native, stdio: 'inherit', env });
  return readFileSync(join(native, 'target', triple, 'release/hello'));
}

/** One ustar header (POSIX.1-2017, pax, "ustar Interchange Format"). */
function header({ name, mode, size, type }) {
  const block = Buffer.alloc(512);
  const octal = (value, width) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(name, 0, 100);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\u000000', 257, 'latin1');
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function tar(entries) {
  const parts = [];
  for (const { name, mode, data } of entries) {
    if (data === undefined) {
      parts.push(header({ name, mode, size: 0, type: '5' }));
      continue;
    }
    const bytes = Buffer.from(data);
    parts.push(header({ name, mode, size: bytes.length, type: '0' }), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function blob(mediaType, bytes) {
  const digest = digestOf(bytes);
  writeFileSync(join(layout, 'blobs/sha256', digest.slice(7)), bytes);
  return { mediaType, digest, size: bytes.length };
}

const json = (value) => Buffer.from(JSON.stringify(value));

function image(architecture, program) {
  const tars = [
    tar([
      { name: 'etc/', mode: 0o755 },
      { name: 'etc/passwd', mode: 0o644, data: 'root:x:0:0:root:/:/hello\n' },
      { name: 'etc/group', mode: 0o644, data: 'root:x:0:\n' },
      { name: 'tmp/', mode: 0o1777 },
    ]),
    tar([{ name: 'hello', mode: 0o755, data: program }]),
  ];
  const config = blob('application/vnd.oci.image.config.v1+json', json({
    architecture,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: ['/hello'],
      Labels: { 'org.opencontainers.image.title': 'hello', 'org.opencontainers.image.licenses': 'Apache-2.0' },
    },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    history: [{ created_by: 'base files' }, { created_by: 'the program' }],
  }));
  const layers = tars.map((bytes) => blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(bytes, { level: 9 })));
  const manifest = blob('application/vnd.oci.image.manifest.v1+json', json({
    schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers,
  }));
  return { ...manifest, platform: { os: 'linux', architecture } };
}

const all = process.env['GANTRY_ALL_TARGETS'] === '1';
const wanted = Object.entries(targets).filter(([, { node }]) => all || node === process.arch);
rmSync(layout, { recursive: true, force: true });
mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
const manifests = wanted.map(([architecture, target]) => image(architecture, compile(target)));
const index = blob('application/vnd.oci.image.index.v1+json', json({
  schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests,
}));
writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
writeFileSync(join(layout, 'index.json'), json({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [{ ...index, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
}));
