import { GantryError } from '@gantry/errors';
import { describe, expect, it } from 'vitest';
import { AsyncQueue } from '../src/async-queue.ts';
import { isRangeFrom } from '../src/blob/content-range.ts';
import { redactUrl } from '../src/http/transport.ts';
import { delayBefore, isTransient, parseRetryAfter } from '../src/http/retry.ts';
import { createRegistryClient, Join } from '../src/index.ts';
import { Slots } from '../src/pull/slots.ts';
import { Credit } from '../src/threads/credit.ts';
import { failure } from './support/client.ts';

const policy = { attempts: 5, baseMs: 100, maxMs: 1000, maxRetryAfterMs: 5000 };
const error = (kind: 'unavailable' | 'timeout' | 'exhausted' | 'dataLoss' | 'notFound', code: string, details = {}): GantryError => new GantryError(kind, code, 'm', { details });

describe('retry', () => {
  it('doubles its delay up to the greatest, with jitter over the upper half', () => {
    for (const [failures, full] of [[1, 100], [2, 200], [4, 800], [5, 1000], [50, 1000]] as const) {
      const delays = Array.from({ length: 200 }, () => delayBefore(policy, failures, error('unavailable', 'x')) ?? NaN);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(full / 2);
      expect(Math.max(...delays)).toBeLessThanOrEqual(full);
      expect(new Set(delays).size).toBeGreaterThan(100);
    }
  });

  it('waits as long as the server says, but not for ever', () => {
    expect(delayBefore(policy, 1, error('exhausted', 'rate-limited', { retryAfterMs: 3000 }))).toBe(3000);
    expect(delayBefore(policy, 1, error('exhausted', 'rate-limited', { retryAfterMs: 5001 }))).toBeUndefined();
  });

  it.each([
    ['0', 0],
    ['120', 120_000],
    [new Date(Date.now() - 5000).toUTCString(), 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads Retry-After: %s', (value, ms) => {
    expect(parseRetryAfter(value)).toBe(ms);
  });

  it('reads a date', () => {
    expect(Math.abs((parseRetryAfter(new Date(Date.now() + 10_000).toUTCString()) ?? 0) - 10_000)).toBeLessThan(1500);
  });

  it.each([
    [error('unavailable', 'connection-lost'), true, true],
    [error('timeout', 'connection-timeout'), true, true],
    [error('unavailable', 'registry-failed'), true, true],
    [error('exhausted', 'rate-limited'), true, true],
    [error('dataLoss', 'blob-truncated'), true, true],
    [error('unavailable', 'connection-refused'), false, true],
    [error('unavailable', 'host-not-found'), false, true],
    [error('unavailable', 'tls-certificate'), false, false],
    [error('dataLoss', 'digest-mismatch'), false, false],
    [error('notFound', 'manifest-unknown'), false, false],
    [new Error('x'), false, false],
  ])('%o is worth another try: %s, midway: %s', (failed, fresh, midway) => {
    expect([isTransient(failed, false), isTransient(failed, true)]).toEqual([fresh, midway]);
  });
});

describe('isRangeFrom', () => {
  it.each([
    ['bytes 5-9/10', true],
    ['bytes 5-9/*', true],
    ['bytes 4-9/10', false],
    ['bytes 5-8/10', false],
    ['bytes 5-9/11', false],
    ['bytes */10', false],
    ['items 5-9/10', false],
    ['bytes 5-9/10, 5-9/10', false],
    ['', false],
    [undefined, false],
  ])('%s', (value, is) => {
    expect(isRangeFrom(value, 5, 10)).toBe(is);
  });
});

describe('redactUrl', () => {
  it('shows no secret of a URL', () => {
    expect(redactUrl(new URL('https://user:pw@host/path?X-Signature=secret#x'))).toBe('https://host/path');
  });
});

describe('Slots', () => {
  it('lets so many in, the others in their order', async () => {
    const slots = new Slots(2);
    const events: string[] = [];
    const [a, b] = [await slots.take(undefined), await slots.take(undefined)];
    const c = slots.take(undefined).then((release) => (events.push('c'), release));
    const d = slots.take(undefined).then((release) => (events.push('d'), release));
    a();
    a();
    const releaseC = await c;
    expect(events).toEqual(['c']);
    b();
    (await d)();
    releaseC();
    expect(events).toEqual(['c', 'd']);
    await Promise.all([slots.take(undefined), slots.take(undefined)]);
  });

  it('forgets who gives up waiting, and loses no slot', async () => {
    const slots = new Slots(1);
    const release = await slots.take(undefined);
    const giveUp = new AbortController();
    const waiting = slots.take(giveUp.signal);
    giveUp.abort();
    await expect(waiting).rejects.toThrow(failure('aborted', 'aborted'));
    await expect(slots.take(giveUp.signal)).rejects.toThrow(failure('aborted', 'aborted'));
    release();
    (await slots.take(undefined))();
    // A slot that was granted in the same turn as the abort is not lost.
    const held = await slots.take(undefined);
    const late = new AbortController();
    const granted = slots.take(late.signal);
    held();
    late.abort();
    (await granted)();
    await slots.take(undefined);
  });
});

describe('Join', () => {
  it('runs once for all who ask while it runs, and again later', async () => {
    const join = new Join<string, number>();
    let runs = 0;
    const work = async (): Promise<number> => {
      await Promise.resolve();
      return ++runs;
    };
    expect(await Promise.all([join.run('a', undefined, work), join.run('a', undefined, work), join.run('b', undefined, work)])).toEqual([1, 1, 2]);
    expect(await join.run('a', undefined, work)).toBe(3);
  });

  it('tells everyone of a failure', async () => {
    const join = new Join<string, number>();
    const work = (): Promise<number> => Promise.reject(new Error('broken'));
    const both = [join.run('a', undefined, work), join.run('a', undefined, work)];
    for (const one of both) await expect(one).rejects.toThrow('broken');
  });

  it('goes on for those who stay, and is aborted when nobody does', async () => {
    const join = new Join<string, string>();
    const { promise, resolve } = Promise.withResolvers<string>();
    let given: AbortSignal | undefined;
    const work = (signal: AbortSignal): Promise<string> => ((given = signal), promise);
    const [first, second] = [new AbortController(), new AbortController()];
    const a = join.run('a', first.signal, work);
    const b = join.run('a', second.signal, work);
    first.abort();
    await expect(a).rejects.toThrow(failure('aborted', 'aborted'));
    expect(given?.aborted).toBe(false);
    second.abort();
    await expect(b).rejects.toThrow(failure('aborted', 'aborted'));
    expect(given?.aborted).toBe(true);
    // Whoever comes now waits until the aborted run is over, and then starts afresh.
    let isSecond = false;
    const c = join.run('a', undefined, async () => {
      isSecond = true;
      return 'second';
    });
    await Promise.resolve();
    expect(isSecond).toBe(false);
    resolve('first');
    expect(await c).toBe('second');
  });

  it('starts nothing for who is aborted already', async () => {
    await expect(new Join<string, void>().run('a', AbortSignal.abort(), () => expect.unreachable())).rejects.toThrow(failure('aborted', 'aborted'));
  });
});

describe('AsyncQueue and Credit', () => {
  it('gives what was queued before its end, and its end only once', async () => {
    const queue = new AsyncQueue<number>();
    queue.push(1);
    queue.fail(new Error('over'));
    queue.end();
    expect(await queue.next()).toBe(1);
    await expect(queue.next()).rejects.toThrow('over');
    const other = new AsyncQueue<number>();
    const waiting = other.next();
    other.end();
    expect(await waiting).toBeUndefined();
  });

  it('waits for credit until there is some, or nobody is left', async () => {
    const credit = new Credit(1);
    expect(await credit.available()).toBe(true);
    credit.spend(2);
    const waiting = credit.available();
    credit.earn(1);
    credit.earn(1);
    expect(await waiting).toBe(true);
    credit.spend(1);
    const last = credit.available();
    credit.close();
    expect(await last).toBe(false);
  });
});

describe('options', () => {
  it.each([
    [{ maxConcurrentDownloads: 0 }, 'maxConcurrentDownloads'],
    [{ maxThreads: NaN }, 'maxThreads'],
    [{ timeouts: { idleMs: -1 } }, 'idleMs'],
    [{ retries: { attempts: 0 } }, 'attempts'],
    [{ limits: { layerBytes: 0 } }, 'layerBytes'],
    [{ userAgent: 'a\r\nX: y' }, 'userAgent'],
    [{ realms: { 'a.com': ['https://b.com/path'] } }, 'realm'],
  ])('refuses %j', (options, message) => {
    expect(() => createRegistryClient(options)).toThrow(failure('invalid', 'bad-option', message));
  });

  it.each(['https://m.com/path', 'ftp://m.com', 'm.com', 'https://user:pw@m.com', 'https://m.com/?a'])('refuses the mirror %s', (mirror) => {
    expect(() => createRegistryClient({ mirrors: { 'docker.io': [mirror] } })).toThrow(failure('invalid', 'bad-mirror'));
  });
});
