import { GantryError, toGantryError } from '@gantry/errors';

export type Step = readonly [what: string, run: () => Promise<unknown>];

/**
 * Tries every step, also after one failed, then throws once. Groups come one after another; the steps of a group at once.
 * @throws GantryError of the first failure's kind, with code `teardown-failed` and all of them as its cause.
 */
export async function tearDown(subject: string, groups: readonly (readonly Step[])[]): Promise<void> {
  const failures: { what: string; error: GantryError }[] = [];
  for (const group of groups) {
    await Promise.all(group.map(async ([what, run]) => {
      try {
        await run();
      } catch (error) {
        failures.push({ what, error: toGantryError(error) });
      }
    }));
  }
  const [first] = failures;
  if (first === undefined) return;
  throw new GantryError(first.error.kind, 'teardown-failed', `${subject}: ${failures.map(({ what, error }) => `${what}: ${error.message}`).join('; ')}`, {
    details: { failed: failures.map(({ what }) => what) },
    cause: failures.length === 1 ? first.error : new AggregateError(failures.map(({ error }) => error)),
  });
}

/** Waits for all, also if one fails, then throws the first failure: nothing goes on behind the caller's back. */
export async function all<const T extends readonly Promise<unknown>[]>(promises: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
