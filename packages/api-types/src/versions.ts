/** An Engine API version: `major.minor`, e.g. `1.56`. Compare with {@link compareVersions}, never as text: `1.9` is below `1.24`. */
export type ApiVersion = `${number}.${number}`;

/** The newest version of the Engine API that these types describe. */
export const maxApiVersion: ApiVersion = '1.56';

/** The oldest version that is still answered. */
export const minApiVersion: ApiVersion = '1.24';

/** Negative, zero or positive, as `a` is below, equal to or above `b`. */
export function compareVersions(a: ApiVersion, b: ApiVersion): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** The version that a text names, or `undefined` when it is none. */
export function parseApiVersion(text: string): ApiVersion | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  return match ? `${Number(match[1])}.${Number(match[2])}` : undefined;
}
