import type { JSONMessage } from '@gantry/api-types';
import type { LayerPhase, PulledImage, PullProgress } from '@gantry/engine';
import { parseReference, withDefaultTag } from '@gantry/oci';

/** Docker's words for the steps of a layer. */
const words: Readonly<Record<Exclude<LayerPhase, 'retrying'>, string>> = {
  waiting: 'Pulling fs layer',
  downloading: 'Downloading',
  downloaded: 'Download complete',
  extracting: 'Extracting',
  complete: 'Pull complete',
  exists: 'Already exists',
};

/** `Pulling from library/debian`, once it is known that there is something to pull. */
export function beginning(reference: string): JSONMessage {
  const { path, tag, digest } = withDefaultTag(parseReference(reference));
  return { status: `Pulling from ${path}`, id: digest ?? tag ?? '' };
}

/** A step of one layer. Undefined for what Docker's clients are not told. */
export function layerMessage(progress: PullProgress): JSONMessage | undefined {
  if (progress.kind !== 'layer') return undefined;
  const { phase, current, total, seconds = 0, digest } = progress;
  const id = digest.slice('sha256:'.length, 'sha256:'.length + 12);
  if (phase === 'retrying') return { status: `Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`, progressDetail: {}, id };
  const measured = phase === 'downloading' || phase === 'extracting';
  return {
    status: words[phase],
    progressDetail: measured ? { ...(current === undefined ? {} : { current }), ...(total === undefined ? {} : { total }) } : {},
    id,
  };
}

export function ending({ digest, changed, reference }: PulledImage): readonly JSONMessage[] {
  return [{ status: `Digest: ${digest}` }, { status: `Status: ${changed ? 'Downloaded newer image' : 'Image is up to date'} for ${reference}` }];
}
