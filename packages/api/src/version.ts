import { GantryError } from '@gantry/errors';
import { compareVersions, maxApiVersion, minApiVersion, type ApiVersion } from '@gantry/api-types';

export interface VersionedPath {
  /** As the client wrote it; undefined without a prefix. */
  readonly prefix: string | undefined;
  readonly path: string;
}

/** Splits `/v1.41/info` into its version and `/info`. */
export function splitVersion(path: string): VersionedPath {
  const slash = path.indexOf('/', 1);
  const first = slash < 0 ? '' : path.slice(1, slash);
  return /^v[0-9.]{1,16}$/.test(first) ? { prefix: first.slice(1), path: path.slice(slash) } : { prefix: undefined, path };
}

/** Numbers between dots; what is missing is 0, so that `1` is below `1.24`. */
function toVersion(text: string): ApiVersion {
  const [major, minor] = text.split('.');
  return `${Number(major ?? '') || 0}.${Number(minor ?? '') || 0}`;
}

/**
 * The version to serve: the newest one where none was asked for.
 * @throws GantryError invalid `client-too-new` or `client-too-old`, in Docker's words, which clients look for.
 */
export function requestedVersion(prefix: string | undefined): ApiVersion {
  if (prefix === undefined) return maxApiVersion;
  const version = toVersion(prefix);
  const details = { version: prefix, min: minApiVersion, max: maxApiVersion };
  if (compareVersions(version, maxApiVersion) > 0) {
    throw new GantryError('invalid', 'client-too-new', `client version ${prefix} is too new. Maximum supported API version is ${maxApiVersion}`, { details });
  }
  if (compareVersions(version, minApiVersion) < 0) {
    throw new GantryError(
      'invalid',
      'client-too-old',
      `client version ${prefix} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
      { details },
    );
  }
  return version;
}

/** `before(v, '1.44')`: the client speaks an older version than that. */
export const before = (version: ApiVersion, than: ApiVersion): boolean => compareVersions(version, than) < 0;
