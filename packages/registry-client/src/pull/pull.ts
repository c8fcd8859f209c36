import { GantryError } from '@gantry/errors';
import { chainIds, familiarReference, formatPlatform, hostPlatform, pickPlatform, type ImageConfig, type Platform, type Reference } from '@gantry/oci';
import type { ImageContent } from '../content.ts';
import { layerCompression } from '../layer/layer-stream.ts';
import type { DocumentParser } from '../manifest/parser.ts';
import { resolveImage, type ResolvedImage } from '../manifest/resolve.ts';
import type { ResolvedOptions } from '../options.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { Threads } from '../threads/threads.ts';
import type { LayerSink, PullLayer } from './layer-sink.ts';
import type { OnProgress } from './progress.ts';
import { pullLayers } from './pull-layers.ts';
import { readConfig } from './read-config.ts';
import type { Slots } from './slots.ts';

/** An image of which everything is where it belongs: documents in the store, layers in the sink. */
export interface PulledImage extends ResolvedImage {
  readonly config: ImageConfig;
  /** The exact bytes of the configuration. */
  readonly configBytes: Uint8Array;
  /** Bottom first. */
  readonly layers: readonly PullLayer[];
}

export interface PullRequest {
  readonly reference: Reference;
  /** Undefined: this machine's, and whatever there is where the image has no index. */
  readonly platform: Platform | undefined;
  readonly content: ImageContent;
  readonly sink: LayerSink;
  readonly store: BlobStore | undefined;
  readonly verifyDiffIds: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnProgress;
}

export interface PullMachinery {
  readonly threads: Threads;
  readonly parser: DocumentParser;
  readonly slots: Slots;
  readonly options: ResolvedOptions;
}

/** Everything is validated before the first layer is touched. */
export async function pullImage(m: PullMachinery, request: PullRequest): Promise<PulledImage> {
  const { content, store, signal, onProgress } = request;
  const { limits, log } = m.options;
  m.threads.warm();
  onProgress({ type: 'resolving', reference: request.reference });
  const image = await resolveImage({ content, parser: m.parser, log, max: limits.manifestBytes, store, signal }, request.reference, request.platform);
  const { manifest } = image;
  for (const layer of manifest.layers) layerCompression(layer);
  const { bytes, config } = await readConfig({ content, parser: m.parser, threads: m.threads, log, max: limits.configBytes, store, signal }, manifest.config);
  checkPlatform(image, config, request.platform);
  const layers = planLayers(image, config);
  onProgress({ type: 'resolved', image, layers });
  await pullLayers(m, request, layers);
  return { ...image, config, configBytes: bytes, layers };
}

function planLayers({ reference, manifest }: ResolvedImage, config: ImageConfig): PullLayer[] {
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new GantryError('invalid', 'layer-count-mismatch', `the manifest of ${familiarReference(reference)} has ${manifest.layers.length} layers, but its configuration has ${diffIds.length}`, {
      details: { layers: manifest.layers.length, diffIds: diffIds.length },
    });
  }
  const chain = chainIds(diffIds);
  return manifest.layers.flatMap((descriptor, index) => {
    const diffId = diffIds[index];
    const chainId = chain[index];
    return diffId === undefined || chainId === undefined ? [] : [{ index, descriptor, diffId, chainId, parent: chain[index - 1] ?? null }];
  });
}

/** Where no index chose by platform, the configuration is the first to tell. */
function checkPlatform(image: ResolvedImage, config: ImageConfig, asked: Platform | undefined): void {
  if (image.platform !== undefined || config.architecture === '') return;
  // A lone image for another machine is pulled all the same, unless a platform was asked for: Docker's rule.
  const wanted = asked ?? (image.path.length > 1 ? hostPlatform() : undefined);
  if (wanted === undefined || pickPlatform([{ platform: config }], wanted) !== undefined) return;
  const [name, actual] = [familiarReference(image.reference), formatPlatform(config)];
  throw new GantryError('notFound', 'platform-mismatch', `image with reference ${name} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${actual}`, {
    details: { reference: name, wanted: formatPlatform(wanted), actual },
  });
}
