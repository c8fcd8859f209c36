import { toGantryError } from '@gantry/errors';
import { safeText } from './safe-text.ts';
import type { Io } from './spec.ts';

/** Does one thing to each name, side by side, and tells every failure: one bad name keeps nothing from the others. @returns the exit code. */
export async function each(names: readonly string[], io: Io, act: (name: string) => Promise<string | readonly string[]>): Promise<number> {
  const results = await Promise.allSettled(names.map(act));
  let code = 0;
  for (const result of results) {
    if (result.status === 'fulfilled') {
      await io.out([result.value].flat().map((line) => `${line}\n`).join(''));
    } else {
      await io.err(`gantry: ${safeText(toGantryError(result.reason).message)}\n`);
      code = 1;
    }
  }
  return code;
}
