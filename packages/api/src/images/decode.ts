import { GantryError } from '@gantry/errors';
import type { AuthConfig, ApiVersion, OCIPlatform } from '@gantry/api-types';
import { object, string, strings, type Decoder } from '../http/decode.ts';
import { decodeFilters, type Filters } from '../http/filters.ts';
import { parseJson } from '../http/json.ts';
import { badParameter, type Query } from '../http/query.ts';
import { authConfig } from '../system/decode.ts';
import { notImplemented } from '../unsupported.ts';
import { before } from '../version.ts';
import type { ImageListQuery, PullCall } from './backend.ts';

const filterNames = ['before', 'dangling', 'label', 'reference', 'since', 'until'];

const platform: Decoder<Partial<OCIPlatform>> = object<OCIPlatform>({
  architecture: string,
  os: string,
  'os.version': string,
  'os.features': strings,
  variant: string,
});

/** Before 1.41 one name could stand in a parameter of its own. */
function withLegacyFilter(filters: Filters, query: Query, version: ApiVersion): Filters {
  const pattern = query.text('filter');
  if (pattern === '' || !before(version, '1.41')) return filters;
  return new Map([...filters, ['reference', [...(filters.get('reference') ?? []), pattern]]]);
}

export function decodeList(query: Query, version: ApiVersion): ImageListQuery {
  return {
    filters: withLegacyFilter(decodeFilters(query, filterNames), query, version),
    sharedSize: query.flag('shared-size'),
    manifests: query.flag('manifests'),
  };
}

/** A platform as JSON, as the API takes it since 1.48. */
export function decodePlatform(query: Query): { readonly platform?: OCIPlatform } {
  const text = query.text('platform');
  if (text === '') return {};
  const { os, architecture, ...rest } = platform(parseJson(text), 'platform');
  if (os === undefined || architecture === undefined) throw badParameter('platform', 'os and architecture are required');
  return { platform: { os, architecture, ...rest } };
}

/**
 * The header `X-Registry-Auth`: JSON in base64url (or base64, as older clients write it).
 * @throws GantryError invalid `bad-registry-auth`. The message shows nothing of its content.
 */
export function decodeRegistryAuth(header: string | readonly string[] | undefined): { readonly auth?: AuthConfig } {
  if (header === undefined || header === '') return {};
  if (typeof header === 'string' && /^[\w+/-]+={0,2}$/.test(header)) {
    try {
      const auth = authConfig(parseJson(Buffer.from(header, 'base64url').toString('utf8')), 'X-Registry-Auth');
      return Object.keys(auth).length === 0 ? {} : { auth };
    } catch (cause) {
      throw new GantryError('invalid', 'bad-registry-auth', 'invalid header X-Registry-Auth: it is not the JSON of credentials', { cause });
    }
  }
  throw new GantryError('invalid', 'bad-registry-auth', 'invalid header X-Registry-Auth: it is not base64url');
}

/** `name` and `tag` as one reference; a tag may also be a digest. */
export function joinReference(name: string, tag: string): string {
  if (tag === '') return name;
  return tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`;
}

export function decodePull(query: Query, headers: NodeJS.Dict<string | string[]>, signal: AbortSignal): PullCall {
  if (query.text('fromSrc') !== '') throw notImplemented('import an image from an archive');
  const name = query.text('fromImage');
  if (name === '') throw badParameter('fromImage', 'it is required');
  const text = query.text('platform');
  return {
    reference: joinReference(name, query.text('tag')),
    ...(text === '' ? {} : { platform: text }),
    ...decodeRegistryAuth(headers['x-registry-auth']),
    signal,
  };
}
