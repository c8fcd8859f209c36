/** Control, format (bidi overrides, zero-width) and lone surrogate characters: what moves cursors, hides or lies. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}]+/gu;

const escapeOf = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/** Text of strangers, fit for a message: on one line, nothing but printable characters, `max` of them at most. */
export function printable(text: string, max: number): string {
  // Cut first: what is dropped must not cost anything.
  const clean = text.slice(0, 4 * max).replace(unprintable, ' ').trim();
  return clean.length > max ? `${clean.slice(0, max)}...` : clean;
}

/** The same in quotes and exactly: what cannot be printed is escaped. */
export function quoted(text: string, max = 128): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return JSON.stringify(cut).replace(unprintable, (chars) => Array.from(chars, escapeOf).join(''));
}
