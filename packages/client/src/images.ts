import type { AuthConfig, CreateImageInfo, ImageDeleteResponseItem, ImageHistoryResponseItem, ImageInspect, ImageSummary } from '@gantry/api-types';
import { fromHttp } from '@gantry/errors';
import { segment, type CallOptions, type HttpApi } from './http-api.ts';
import { encodeFilters, pick, type Filters } from './system.ts';

export interface PullOptions extends CallOptions {
  /** `os[/arch[/variant]]` */
  readonly platform?: string;
  readonly auth?: AuthConfig;
}

export class Images {
  readonly #http: HttpApi;

  constructor(http: HttpApi) {
    this.#http = http;
  }

  /** Yields progress; ends when the image is there. `name` without a tag or digest means `latest`. */
  async *pull(name: string, o: PullOptions = {}): AsyncGenerator<CreateImageInfo, void, undefined> {
    const { fromImage, tag } = splitTag(name);
    const headers: Record<string, string> = o.auth === undefined ? {} : { 'x-registry-auth': Buffer.from(JSON.stringify(o.auth)).toString('base64url') };
    const query = { fromImage, tag, platform: o.platform };
    for await (const line of this.#http.lines<CreateImageInfo>('POST', '/images/create', { query, headers, ...pick(o) })) {
      if (line.errorDetail !== undefined) throw fromHttp(line.errorDetail.code ?? 500, { message: line.errorDetail.message, code: 'pull-failed' });
      yield line;
    }
  }

  list(o: CallOptions & { readonly all?: boolean; readonly digests?: boolean; readonly filters?: Filters } = {}): Promise<readonly ImageSummary[]> {
    return this.#http.json('GET', '/images/json', { query: { all: o.all, digests: o.digests, filters: encodeFilters(o.filters) }, ...pick(o) });
  }

  inspect(name: string, o: CallOptions = {}): Promise<ImageInspect> {
    return this.#http.json('GET', `/images/${segment(name)}/json`, o);
  }

  history(name: string, o: CallOptions = {}): Promise<readonly ImageHistoryResponseItem[]> {
    return this.#http.json('GET', `/images/${segment(name)}/history`, o);
  }

  remove(name: string, o: CallOptions & { readonly force?: boolean; readonly noprune?: boolean } = {}): Promise<readonly ImageDeleteResponseItem[]> {
    return this.#http.json('DELETE', `/images/${segment(name)}`, { query: { force: o.force, noprune: o.noprune }, ...pick(o) });
  }

  tag(name: string, repo: string, tag: string, o: CallOptions = {}): Promise<void> {
    return this.#http.ok('POST', `/images/${segment(name)}/tag`, { query: { repo, tag }, ...pick(o) });
  }
}

/** `name[:tag|@digest]` as the API wants it: a digest goes where a tag does. */
function splitTag(name: string): { readonly fromImage: string; readonly tag: string } {
  const at = name.indexOf('@');
  if (at >= 0) return { fromImage: name.slice(0, at), tag: name.slice(at + 1) };
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? { fromImage: name.slice(0, colon), tag: name.slice(colon + 1) } : { fromImage: name, tag: 'latest' };
}
