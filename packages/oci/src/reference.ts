import { GantryError } from '@gantry/errors';
import { isDigest, type Digest } from './digest.ts';
import { quoted } from './text.ts';

/** A normalised reference to an image: what `debian`, `localhost:5000/a/b:1` or `x@sha256:...` mean. */
export interface Reference {
  /** Host, with a port if one was given; `docker.io` if none was. */
  readonly domain: string;
  /** Repository on that host; `library/debian` for `debian`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const defaultDomain = 'docker.io';
const officialPrefix = 'library/';
const tagPattern = /^\w[\w.-]{0,127}$/;
// Each class is anchored by its separator, so that neither pattern can backtrack (no two ways to match one text).
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const domainLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domainPattern = new RegExp(`^(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);

const bad = (text: string, why: string): GantryError =>
  new GantryError('invalid', 'bad-reference', `invalid reference format: ${quoted(text, 512)}: ${why}`, { details: { reference: text } });

function splitDomain(name: string): readonly [domain: string, path: string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  const isHost = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  let [domain, path] = isHost ? [first, name.slice(slash + 1)] : [defaultDomain, name];
  if (domain === 'index.docker.io') domain = defaultDomain;
  if (domain === defaultDomain && !path.includes('/')) path = officialPrefix + path;
  return [domain, path];
}

/**
 * Reads a reference as Docker's clients write it (distribution/reference grammar).
 * @throws GantryError invalid `bad-reference`.
 */
export function parseReference(text: string): Reference {
  if (text.length > 512) throw bad(text.slice(0, 64), 'longer than 512 characters');
  if (/^[a-f0-9]{64}$/.test(text)) throw bad(text, 'cannot be 64 hexadecimal digits, which is an ID');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw bad(text, 'the part after @ is not a sha256 digest');
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.lastIndexOf(':');
  const hasTag = colon > rest.lastIndexOf('/');
  const tag = hasTag ? rest.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) throw bad(text, 'the tag may have letters, digits, "_", "." and "-", 128 at most');
  const name = hasTag ? rest.slice(0, colon) : rest;
  if (name === '') throw bad(text, 'the name is empty');
  const [domain, path] = splitDomain(name);
  if (!domainPattern.test(domain)) throw bad(text, 'the host is not a domain name or address');
  if (path !== path.toLowerCase()) throw bad(text, 'repository name must be lowercase');
  if (!pathPattern.test(path)) throw bad(text, 'the name may have lower-case letters, digits and single separators');
  if (domain.length + 1 + path.length > 255) throw bad(text, 'the name is longer than 255 characters');
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** With the tag `latest` where neither tag nor digest is given. */
export function withDefaultTag(ref: Reference): Reference {
  return ref.tag === undefined && ref.digest === undefined ? { ...ref, tag: 'latest' } : ref;
}

/** `docker.io/library/debian:12`: unique for what it names. */
export function formatReference(ref: Reference): string {
  return `${ref.domain}/${ref.path}${suffix(ref)}`;
}

/** `debian:12`: as short as Docker shows it. */
export function familiarReference(ref: Reference): string {
  return familiarName(ref) + suffix(ref);
}

/** `debian`, `user/x`, `localhost:5000/x`: the name alone. */
export function familiarName(ref: Reference): string {
  if (ref.domain !== defaultDomain) return `${ref.domain}/${ref.path}`;
  const short = ref.path.startsWith(officialPrefix) ? ref.path.slice(officialPrefix.length) : ref.path;
  return short.includes('/') || short === '' ? ref.path : short;
}

function suffix(ref: Reference): string {
  return (ref.tag === undefined ? '' : `:${ref.tag}`) + (ref.digest === undefined ? '' : `@${ref.digest}`);
}
