import { GantryError, isGantryError } from '@gantry/errors';

/** What a user has for one registry. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  /** An OAuth 2 refresh token, as `docker login` keeps it. */
  | { readonly identityToken: string }
  /** A bearer token, sent to the registry as it is. */
  | { readonly registryToken: string };

/**
 * Finds the credentials for a registry by its name as the reference has it (`docker.io`, `ghcr.io`, `localhost:5000`), or
 * for the host of a mirror. Undefined: be anonymous there. Asked only once the registry has demanded some. If it throws, the call fails: nothing is ever tried
 * with less, or with the credentials of another host.
 */
export type CredentialSource = (host: string) => Credentials | undefined | Promise<Credentials | undefined>;

/** @throws GantryError unauthenticated `credentials-failed`; whatever GantryError the source threw. */
export async function findCredentials(source: CredentialSource | undefined, host: string): Promise<Credentials | undefined> {
  try {
    return await source?.(host);
  } catch (cause) {
    if (isGantryError(cause)) throw cause;
    throw new GantryError('unauthenticated', 'credentials-failed', `the credentials for ${host} could not be read: check the credential helper`, { cause, details: { host } });
  }
}

export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
