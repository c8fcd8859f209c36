import { familiarName, familiarReference, parseReference, type ImageConfig } from '@gantry/oci';
import type { ImageDetails, ImageFilter, ImageHistory, ImageSummary } from '../types/index.ts';
import { matchesLabel } from '../util/labels.ts';
import { compareTimes } from '../util/time.ts';
import { variantOf, type ImageCatalog } from './catalog.ts';
import type { ImageRecord, ManifestRecord } from './records.ts';

/** Layer id to bytes on disk. */
export type LayerSizes = ReadonlyMap<string, { readonly bytes: number }>;

export interface DescribeNeeds {
  readonly layers: LayerSizes;
  /** Containers by the image that they were made from. */
  readonly containers: ReadonlyMap<string, number>;
}

export function describeImage(image: ImageRecord, { layers, containers }: DescribeNeeds): ImageSummary {
  const references = image.names.map(parseReference);
  const shown = firstVariant(image);
  return {
    id: image.id,
    target: image.target,
    repoTags: references.filter(({ digest }) => digest === undefined).map(familiarReference),
    repoDigests: [...new Set(references.map((reference) => `${familiarName(reference)}@${image.id}`))],
    createdAt: shown?.createdAt ?? null,
    size: chains(image).reduce((sum, chain) => sum + (layers.get(chain)?.bytes ?? 0), 0),
    sharedSize: -1,
    labels: shown?.labels ?? {},
    containers: containers.get(image.id) ?? 0,
    platforms: image.manifests.map(({ platform }) => platform),
  };
}

function firstVariant(image: ImageRecord): ManifestRecord | undefined {
  return image.manifests.length === 0 ? undefined : variantOf(image, undefined, image.id);
}

/** Of all variants, each once. */
function chains({ manifests }: ImageRecord): string[] {
  return [...new Set(manifests.flatMap(({ layers }) => layers.map(({ chainId }) => chainId)))];
}

/** With the bytes of layers that other images have too. */
export function withSharedSizes(images: readonly ImageRecord[], summaries: readonly ImageSummary[], layers: LayerSizes): ImageSummary[] {
  const users = new Map<string, number>();
  for (const image of images) for (const chain of chains(image)) users.set(chain, (users.get(chain) ?? 0) + 1);
  const shared = new Map(images.map((image) => [image.id, chains(image).reduce((sum, chain) => sum + ((users.get(chain) ?? 0) > 1 ? (layers.get(chain)?.bytes ?? 0) : 0), 0)]));
  return summaries.map((summary) => ({ ...summary, sharedSize: shared.get(summary.id) ?? 0 }));
}

export function describeDetails(image: ImageRecord, manifest: ManifestRecord, config: ImageConfig, storageDriver: string, needs: DescribeNeeds): ImageDetails {
  return {
    ...describeImage(image, needs),
    createdAt: manifest.createdAt,
    labels: manifest.labels,
    manifest: manifest.descriptor,
    configDigest: manifest.configDigest,
    platform: manifest.platform,
    author: config.author ?? '',
    comment: config.history?.at(-1)?.comment ?? '',
    config: config.config ?? {},
    layers: manifest.layers.map(({ diffId }) => diffId),
    lastTaggedAt: image.taggedAt,
    storageDriver,
  };
}

/** Newest first; a step without a layer has no bytes. */
export function describeHistory(image: ImageRecord, manifest: ManifestRecord, config: ImageConfig, layers: LayerSizes): ImageHistory[] {
  const remaining = manifest.layers.map(({ chainId }) => layers.get(chainId)?.bytes ?? 0);
  const steps = (config.history ?? []).map((step): ImageHistory => ({
    id: null,
    createdAt: step.created ?? null,
    createdBy: step.created_by ?? '',
    tags: [],
    size: step.empty_layer === true ? 0 : (remaining.shift() ?? 0),
    comment: step.comment ?? '',
  }));
  const newestFirst = steps.reverse();
  const [last, ...rest] = newestFirst;
  const tags = image.names.map(parseReference).filter(({ digest }) => digest === undefined).map(familiarReference);
  return last === undefined ? [] : [{ ...last, id: image.id, tags }, ...rest];
}

export function filterImages(catalog: ImageCatalog, images: readonly ImageRecord[], summaries: readonly ImageSummary[], filter: ImageFilter): ImageSummary[] {
  const created = (ref: string | undefined): string | null | undefined => {
    if (ref === undefined) return undefined;
    const { image } = catalog.find(ref);
    return firstVariant(image)?.createdAt ?? null;
  };
  const before = created(filter.before);
  const since = created(filter.since);
  const byTime = (time: string | null, limit: string | null | undefined, sign: 1 | -1): boolean => limit === undefined || (time !== null && limit !== null && compareTimes(time, limit) * sign > 0);
  return summaries.filter((summary) => {
    const names = images.find(({ id }) => id === summary.id)?.names ?? [];
    return (
      (filter.dangling === undefined || (names.length === 0) === filter.dangling) &&
      (filter.labels ?? []).every((label) => matchesLabel(summary.labels, label)) &&
      ((filter.references?.length ?? 0) === 0 || (filter.references ?? []).some((pattern) => names.some((name) => matchesPattern(name, pattern)))) &&
      byTime(summary.createdAt, before, -1) &&
      byTime(summary.createdAt, since, 1) &&
      byTime(summary.createdAt, filter.until, -1)
    );
  });
}

/** `*` within a part of the name, as in Docker's reference filter; against the name with and without its tag. */
function matchesPattern(name: string, pattern: string): boolean {
  const reference = parseReference(name);
  return [familiarReference(reference), familiarName(reference)].some((text) => glob(text, pattern));
}

/** Linear in both: `*` stands for what is no slash, `?` for one such character. */
function glob(text: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let mark = 0;
  let p = 0;
  while (at < text.length) {
    const c = pattern[p];
    if (c === '*') {
      star = p++;
      mark = at;
    } else if (c !== undefined && (c === text[at] || (c === '?' && text[at] !== '/'))) {
      p++;
      at++;
    } else if (star >= 0 && text[mark] !== '/') {
      p = star + 1;
      at = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
