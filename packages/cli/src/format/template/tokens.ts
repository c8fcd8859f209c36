import { GantryError } from '@gantry/errors';

export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' | 'close' | 'pipe' | 'lparen' | 'rparen' | 'dot' | 'declare' | 'assign' | 'comma' | 'space' }
  | { readonly kind: 'field' | 'variable' | 'word'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | number };

export const badTemplate = (why: string): GantryError => new GantryError('invalid', 'bad-template', `template parsing error: ${why}`);

/** Inside an action, in the order in which they are tried; each is anchored (`y`) and cannot backtrack. */
const rules: readonly (readonly [RegExp, (text: string) => Token | undefined])[] = [
  [/\s+/y, () => ({ kind: 'space' })],
  [/"(?:[^"\\\n]|\\.)*"/y, (text) => ({ kind: 'literal', value: unquote(text) })],
  [/`[^`]*`/y, (text) => ({ kind: 'literal', value: text.slice(1, -1) })],
  [/-?\d+(?:\.\d+)?/y, (text) => ({ kind: 'literal', value: Number(text) })],
  [/\.[\p{L}_][\p{L}\p{N}_]*/uy, (text) => ({ kind: 'field', name: text.slice(1) })],
  [/\$[\p{L}\p{N}_]*/uy, (text) => ({ kind: 'variable', name: text.slice(1) })],
  [/[\p{L}_][\p{L}\p{N}_]*/uy, (text) => ({ kind: 'word', name: text })],
  [/:=/y, () => ({ kind: 'declare' })],
  [/=/y, () => ({ kind: 'assign' })],
  [/,/y, () => ({ kind: 'comma' })],
  [/\|/y, () => ({ kind: 'pipe' })],
  [/\(/y, () => ({ kind: 'lparen' })],
  [/\)/y, () => ({ kind: 'rparen' })],
  [/\./y, () => ({ kind: 'dot' })],
];

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw badTemplate(`bad string ${text}`);
  }
}

/** Splits a template; `{{-` and `-}}` have eaten the white space that they touch. */
export function tokenize(template: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf('{{', at);
    let text = template.slice(at, open < 0 ? undefined : open);
    const trimBefore = open >= 0 && /^\{\{-\s/.test(template.slice(open, open + 4));
    if (trimBefore) text = text.trimEnd();
    if (text !== '') out.push({ kind: 'text', text });
    if (open < 0) break;
    at = open + (trimBefore ? 3 : 2);
    if (template.startsWith('/*', trimBefore ? at + 1 : at)) {
      const end = template.indexOf('}}', at);
      if (end < 0) throw badTemplate('unclosed comment');
      at = end + 2;
      continue;
    }
    out.push({ kind: 'open' });
    at = action(template, at, out);
  }
  return out;
}

/** @returns where the text behind the action begins. */
function action(template: string, from: number, out: Token[]): number {
  let at = from;
  for (;;) {
    const close = /\s+-\}\}|\}\}/y;
    close.lastIndex = at;
    const end = close.exec(template)?.[0];
    if (end !== undefined) {
      out.push({ kind: 'close' });
      at += end.length;
      if (end.endsWith('-}}')) while (/\s/.test(template.charAt(at))) at++;
      return at;
    }
    if (at >= template.length) throw badTemplate('unclosed action');
    const hit = rules.map(([pattern, make]) => {
      pattern.lastIndex = at;
      const text = pattern.exec(template)?.[0];
      return text === undefined ? undefined : { text, token: make(text) };
    }).find((match) => match !== undefined);
    if (hit?.token === undefined) throw badTemplate(`unexpected ${JSON.stringify(template.charAt(at))} in command`);
    out.push(hit.token);
    at += hit.text.length;
  }
}
