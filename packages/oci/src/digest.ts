import { createHash } from 'node:crypto';
import { GantryError } from '@gantry/errors';
import { quoted } from './text.ts';

/** `sha256:<64 hex>` (OCI image spec, "Digests"). Only sha256 is accepted: it is what registries use. */
export type Digest = `sha256:${string}`;

/** The digest of a layer's uncompressed tar (OCI image spec, `rootfs.diff_ids`). */
export type DiffID = Digest & { readonly __diff: 1 };

/** The digest of a stack of layers (OCI image spec, "Layer ChainID"). */
export type ChainID = Digest & { readonly __chain: 1 };

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && pattern.test(value);
}

/** @throws GantryError invalid `bad-digest`. Strict, since digests become file names. */
export function parseDigest(value: unknown): Digest {
  if (!isDigest(value)) throw new GantryError('invalid', 'bad-digest', `invalid digest ${quoted(String(value))}: expected sha256: and 64 hexadecimal digits`);
  return value;
}

export function parseDiffID(value: unknown): DiffID {
  return parseDigest(value) as DiffID;
}

export function digestOf(data: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The hexadecimal part: what files are named by. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** ChainID(A) = A; ChainID(A|B) = digest of "ChainID(A) B" (OCI image spec, "Layer ChainID"). */
export function chainId(parent: ChainID | null, diff: DiffID): ChainID {
  return (parent === null ? diff : digestOf(`${parent} ${diff}`)) as ChainID;
}

/** The chain ID of each prefix of `diffs`, bottom first. */
export function chainIds(diffs: readonly DiffID[]): ChainID[] {
  const out: ChainID[] = [];
  for (const diff of diffs) out.push(chainId(out.at(-1) ?? null, diff));
  return out;
}
