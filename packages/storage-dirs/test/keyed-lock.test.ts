import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { KeyedLock } from '../src/keyed-lock.ts';

it('runs one at a time for a key, in order, and other keys beside it', async () => {
  const lock = new KeyedLock();
  const seen: string[] = [];
  const work = (key: string, name: string, ms: number) => (): Promise<void> =>
    lock.run(key, async () => {
      seen.push(`${name}+`);
      await delay(ms);
      seen.push(`${name}-`);
    });
  await Promise.all([work('a', 'a1', 30), work('a', 'a2', 1), work('b', 'b1', 10)].map((start) => start()));
  expect(seen).toEqual(['a1+', 'b1+', 'b1-', 'a1-', 'a2+', 'a2-']);
});

it('goes on after a failure', async () => {
  const lock = new KeyedLock();
  const first = lock.run('a', () => Promise.reject(new Error('no')));
  const second = lock.run('a', async () => 2);
  await expect(first).rejects.toThrow('no');
  expect(await second).toBe(2);
});

it('lets go of a waiter whose signal fires, without letting the next one in early', async () => {
  const lock = new KeyedLock();
  const gate = Promise.withResolvers<undefined>();
  const abort = new AbortController();
  let inside = 0;
  let most = 0;
  const hold = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await gate.promise;
    inside--;
  };
  const first = lock.run('a', hold);
  const second = lock.run('a', hold, abort.signal);
  const third = lock.run('a', hold);
  abort.abort();
  await expect(second).rejects.toMatchObject({ kind: 'aborted' });
  await delay(5);
  expect(inside).toBe(1);
  gate.resolve(undefined);
  await Promise.all([first, third]);
  expect(most).toBe(1);
  await expect(lock.run('a', async () => 1, abort.signal)).rejects.toMatchObject({ kind: 'aborted' });
});
