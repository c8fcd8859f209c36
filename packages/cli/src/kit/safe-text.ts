/**
 * Text from an engine, image or container, made harmless for a terminal: control characters (C0, C1, DEL) and the
 * characters that reorder a line are shown as escapes. Tab and line feed stay.
 */
export function safeText(text: string): string {
  return text.replace(hostile, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const hostile = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
