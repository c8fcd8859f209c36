import { GantryError } from '@gantry/errors';
import { isDigest } from './digest.ts';
import type { Descriptor, ImageIndex, ImageManifest } from './image.ts';
import { JsonReader } from './json.ts';
import { isIndexType, isManifestType, isSchema1Type } from './media-types.ts';
import type { Platform } from './platform.ts';
import { quoted } from './text.ts';

/** A manifest or an index, told apart by `kind`. */
export type ManifestDocument =
  | { readonly kind: 'index'; readonly mediaType: string; readonly index: ImageIndex }
  | { readonly kind: 'manifest'; readonly mediaType: string; readonly manifest: ImageManifest };

/** overlayfs stacks 500 layers at most (`OVL_MAX_STACK` of the Linux kernel). */
export const maxImageLayers = 500;
/** Far above any published index; keeps the work that one document can ask for small. */
export const maxIndexManifests = 4096;

const source = { what: 'image manifest', code: 'bad-manifest' };
/** RFC 6838: `type/subtype`, 127 characters each. */
const mediaTypePattern = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
const topLevelKeys = ['schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'fsLayers'];

/**
 * Reads the exact bytes of a manifest or an index (OCI image spec; Docker's image manifest version 2, schema 2).
 *
 * One document has one meaning: the media type that it is stored or served under must be the one that the body names
 * (if it names one), and a body with the fields of both kinds is refused, so that no two readers of one digest can see
 * different images (CVE-2021-41190).
 *
 * @param mediaType as the registry's `Content-Type` or the parent's descriptor says, without parameters.
 * @throws GantryError invalid `bad-manifest`, `manifest-schema1` (Docker's format before 2016), `unsupported-media-type`.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): ManifestDocument {
  if (isSchema1Type(mediaType)) throw schema1();
  const isIndex = isIndexType(mediaType);
  if (!isIndex && !isManifestType(mediaType)) {
    throw new GantryError('invalid', 'unsupported-media-type', `${quoted(mediaType)} is not the media type of an image manifest or index`, {
      details: { mediaType },
    });
  }
  const json = JsonReader.parse(bytes, source);
  // Go's decoder matches keys in any case, ours does not: a key that only Go would take makes two documents of one.
  for (const key of json.keys()) {
    const known = topLevelKeys.find((name) => name.toLowerCase() === key.toLowerCase());
    if (known !== undefined && known !== key) throw json.fail(quoted(key), `is spelt otherwise than ${known}`);
  }
  if (json.has('fsLayers') || json.optionalCount('schemaVersion') === 1) throw schema1();
  if (json.count('schemaVersion') !== 2) throw json.fail('schemaVersion', 'is not 2');
  const named = json.optionalString('mediaType');
  if (named !== undefined && named !== mediaType) throw json.fail('mediaType', `is ${quoted(named)}, but the document is stored as ${mediaType}`);
  for (const key of isIndex ? ['layers', 'config'] : ['manifests']) {
    if (json.has(key)) throw json.fail(key, `has no place in ${isIndex ? 'an index' : 'a manifest'}: the document is ambiguous`);
  }
  return isIndex ? { kind: 'index', mediaType, index: readIndex(json) } : { kind: 'manifest', mediaType, manifest: readManifest(json) };
}

function schema1(): GantryError {
  return new GantryError(
    'invalid',
    'manifest-schema1',
    "the image is stored in Docker's manifest schema 1, which is no longer supported: ask its publisher to push it again in the OCI or schema 2 format",
  );
}

function readIndex(json: JsonReader): ImageIndex {
  return { schemaVersion: 2, ...optional('mediaType', json.optionalString('mediaType')), manifests: json.objects('manifests', maxIndexManifests).map(readDescriptor), ...annotations(json) };
}

function readManifest(json: JsonReader): ImageManifest {
  const subject = json.optionalObject('subject');
  return {
    schemaVersion: 2,
    ...optional('mediaType', json.optionalString('mediaType')),
    ...optional('artifactType', json.optionalString('artifactType')),
    config: readDescriptor(json.object('config')),
    layers: json.objects('layers', maxImageLayers).map(readDescriptor),
    ...optional('subject', subject && readDescriptor(subject)),
    ...annotations(json),
  };
}

function readDescriptor(json: JsonReader): Descriptor {
  const mediaType = json.string('mediaType');
  if (!mediaTypePattern.test(mediaType)) throw json.fail('mediaType', 'is not a media type');
  const digest = json.string('digest');
  if (!isDigest(digest)) throw json.fail('digest', 'is not sha256: and 64 hexadecimal digits');
  const platform = json.optionalObject('platform');
  return {
    mediaType,
    digest,
    size: json.count('size'),
    ...optional('urls', json.optionalStrings('urls')),
    ...annotations(json),
    ...optional('platform', platform && readPlatform(platform)),
    ...optional('artifactType', json.optionalString('artifactType')),
  };
}

function readPlatform(json: JsonReader): Platform {
  return {
    os: json.string('os'),
    architecture: json.string('architecture'),
    ...optional('variant', json.optionalString('variant')),
    ...optional('os.version', json.optionalString('os.version')),
    ...optional('os.features', json.optionalStrings('os.features')),
  };
}

function annotations(json: JsonReader): { annotations?: Record<string, string> } {
  return optional('annotations', json.optionalStringMap('annotations'));
}

/** `{key: value}`, or nothing where there is no value (`exactOptionalPropertyTypes`). */
export function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>>;
export function optional(key: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [key]: value };
}
