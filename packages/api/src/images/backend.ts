import type { AuthConfig, ImageDeleteResponseItem, ImageHistoryResponseItem, ImageInspect, ImageSummary, JSONMessage, OCIPlatform } from '@gantry/api-types';
import type { Filters } from '../http/filters.ts';

export interface ImageListQuery {
  readonly filters: Filters;
  /** Count what images share, in `SharedSize`. */
  readonly sharedSize: boolean;
  readonly manifests: boolean;
}

export interface PullCall {
  /** `debian:12`, `registry:5000/a/b@sha256:...`; without a tag or digest: `latest`. Not yet checked. */
  readonly reference: string;
  /** `linux/arm64`; absent: this machine's. Not yet checked. */
  readonly platform?: string;
  readonly auth?: AuthConfig;
  /** The client left: the pull ends, unless somebody else waits for it too. */
  readonly signal: AbortSignal;
}

/** What the routes of images need. Names are as a client wrote them: references, ids, prefixes of ids. */
export interface ImagesBackend {
  list(query: ImageListQuery): Promise<readonly ImageSummary[]>;
  /** Progress as Docker words it. What fails before the first message becomes a status, what fails later the last line. */
  pull(call: PullCall): AsyncIterable<JSONMessage>;
  /** @throws GantryError notFound */
  inspect(name: string, o: { readonly platform?: OCIPlatform; readonly manifests: boolean }): Promise<ImageInspect>;
  /** @throws GantryError notFound */
  history(name: string, o: { readonly platform?: OCIPlatform }): Promise<readonly ImageHistoryResponseItem[]>;
  /** @throws GantryError notFound, conflict */
  remove(name: string, o: { readonly force: boolean; readonly noPrune: boolean }): Promise<readonly ImageDeleteResponseItem[]>;
  /** @throws GantryError notFound, invalid */
  tag(name: string, target: string): Promise<void>;
}
