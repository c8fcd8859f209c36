import { expect, it } from 'vitest';
import { abortable } from '../src/abortable.ts';

it('passes on what its source gives, and frees it when left', async () => {
  let freed = 0;
  async function* numbers(): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n++) yield n;
    } finally {
      freed++;
    }
  }
  const seen: number[] = [];
  for await (const n of abortable(numbers(), new AbortController().signal)) {
    if (n === 3) break;
    seen.push(n);
  }
  expect([seen, freed]).toEqual([[0, 1, 2], 1]);
});

it('ends when the signal fires, though its source hangs and never answers', async () => {
  const abort = new AbortController();
  let told = false;
  const hanging: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: () => {
        told = true;
        return new Promise(() => undefined);
      },
    }),
  };
  const reading = Array.fromAsync(abortable(hanging, abort.signal));
  abort.abort();
  await expect(reading).rejects.toMatchObject({ kind: 'aborted' });
  expect(told).toBe(true);
});

it('begins with nothing when the signal has fired', async () => {
  await expect(Array.fromAsync(abortable((async function* () { yield 1; })(), AbortSignal.abort()))).rejects.toMatchObject({ kind: 'aborted' });
});

it('passes on the error of its source', async () => {
  const failing = (async function* (): AsyncGenerator<number> {
    yield 1;
    throw new Error('no more');
  })();
  await expect(Array.fromAsync(abortable(failing, new AbortController().signal))).rejects.toThrow('no more');
});
