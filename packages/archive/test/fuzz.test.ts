import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGantryError } from '@gantry/errors';
import { mutated } from './support/mutations.ts';
import { readAll } from './support/read-all.ts';
import { canary, makeWorld, needsRoot, type World } from './support/world.ts';

describe('changed archives', () => {
  it('are read or refused, soon, and alike in all pieces', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(mutated, fc.integer({ min: 1, max: 2000 }), async (archive, chunk) => {
        const read = async (size: number): Promise<unknown> => {
          try {
            return await readAll(archive, { chunk: size, limits: { maxBytes: 10_000_000 } });
          } catch (error) {
            if (!isGantryError(error)) throw error;
            expect(['invalid', 'exhausted']).toContain(error.kind);
            return [error.code, error.message];
          }
        };
        expect(await read(chunk)).toEqual(await read(65_536));
      }),
      { numRuns: 3000 },
    );
  });

  it('of random bytes too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        try {
          await readAll(Buffer.from(bytes));
        } catch (error) {
          expect(isGantryError(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe.skipIf(needsRoot !== '')('changed archives in a tree', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('are applied or refused, and never leave it', { timeout: 240_000 }, async () => {
    const outside = canary(world.dir);
    await fc.assert(
      fc.asyncProperty(mutated, fc.constantFrom('overlay' as const, 'apply' as const), async (archive, mode) => {
        const root = world.folder();
        try {
          await world.apply(root, mode, archive, { limits: { maxBytes: 10_000_000 } });
        } catch (error) {
          if (!isGantryError(error)) throw error;
          // What the tree cannot hold, such as a hard link to nothing, is refused by the file system.
          expect(['invalid', 'exhausted', 'notFound', 'conflict', 'forbidden', 'notImplemented']).toContain(error.kind);
        }
        expect(outside.unharmed()).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
