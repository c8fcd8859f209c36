import { randomInt } from 'node:crypto';
import { GantryError } from '@gantry/errors';
import { printable } from '@gantry/oci';
import { adjectives, surnames } from './words.ts';

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Takes a name as clients write it, with or without its slash. @throws GantryError invalid `bad-name`. */
export function parseName(text: string): string {
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (!pattern.test(name) || name.length > 255) {
    throw new GantryError('invalid', 'bad-name', `Invalid container name (${printable(text, 256)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`, { details: { name: text } });
  }
  return name;
}

/** Two random words; with a number behind them once free ones have become rare. */
export function randomName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const words = `${pick(adjectives)}_${pick(surnames)}`;
    const name = attempt < 6 ? words : `${words}${randomInt(10 ** Math.min(attempt - 5, 9))}`;
    if (!isTaken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}
