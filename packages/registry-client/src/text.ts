/** Control, format (bidi overrides, zero-width) and surrogate characters: nothing of them belongs into a message or a log. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}]+/gu;

/** Text from a registry, fit for a message: printable, one line, bounded. */
export function printable(text: string, max: number): string {
  const clean = text.slice(0, 4 * max).replace(unprintable, ' ').trim();
  return clean.length > max ? `${clean.slice(0, max)}...` : clean;
}

/** A URL for messages and logs: query and fragment of a redirect carry signatures, user info is a secret. */
export function redactUrl(url: URL): string {
  return url.origin + url.pathname;
}
