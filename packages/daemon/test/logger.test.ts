import { GantryError } from '@gantry/errors';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogger, type LogFormat, type LogLevel } from '../src/index.ts';

function capture(format: LogFormat, level: LogLevel = 'debug'): { readonly records: string[]; readonly log: ReturnType<typeof createLogger> } {
  const records: string[] = [];
  return { records, log: createLogger({ format, level, write: (record) => void records.push(record) }) };
}

const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

test('text for people', () => {
  const { records, log } = capture('text');
  log.info({ host: 'unix:///run/x.sock', ms: 12, gone: undefined, words: 'a b', list: [1, 'x'] }, 'listening');
  expect(records).toEqual([expect.stringMatching(new RegExp(`^${time} info  listening host=unix:///run/x.sock ms=12 words="a b" list=\\[1,"x"\\]\n$`))]);
});

test('JSON for programs', () => {
  const { records, log } = capture('json');
  log.child({ driver: 'storage/overlay' }).warn({ n: 1, big: 2n }, 'hm');
  expect(JSON.parse(records[0] ?? '')).toEqual({ time: expect.stringMatching(new RegExp(`^${time}$`)) as string, level: 'warn', message: 'hm', driver: 'storage/overlay', n: 1, big: '2' });
});

test.each<[LogLevel, number]>([['debug', 4], ['info', 3], ['warn', 2], ['error', 1]])('level %s lets %i of four through', (level, count) => {
  const { records, log } = capture('text', level);
  log.debug({}, 'd');
  log.info({}, 'i');
  log.warn({}, 'w');
  log.error({}, 'e');
  expect(records).toHaveLength(count);
});

test('errors keep their code, details, stack and cause', () => {
  const { records, log } = capture('json');
  log.error({ error: new GantryError('internal', 'x', 'outer', { details: { a: 1 }, cause: new TypeError('inner') }) }, 'failed');
  expect(JSON.parse(records[0] ?? '')).toMatchObject({ error: { message: 'outer', code: 'x', details: { a: 1 }, cause: { message: 'inner', stack: expect.stringContaining('TypeError') as string } } });
});

test('a value that has no JSON, and one without an end', () => {
  const { records, log } = capture('json');
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  log.info({ loop, long: 'x'.repeat(100_000) }, 'odd');
  expect(records[0]?.length).toBeLessThan(20_000);
  expect(JSON.parse(records[0] ?? '')).toMatchObject({ loop: '(a value that has no JSON)' });
});

describe.each<LogFormat>(['text', 'json'])('%s: whatever is in it, one record is one safe line', (format) => {
  const nasty = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\r', '\u001b[31m', '\u0000', '\u0085', '\u009b', '\u2028', '\u202e', '\u2066', '{"level":"error"}') });

  test('messages, keys and values', () => {
    fc.assert(
      fc.property(nasty, nasty, nasty, (message, key, value) => {
        const { records, log } = capture(format);
        log.info({ [`k${key}`]: value, nested: { [key]: [value] } }, message);
        expect(records).toHaveLength(1);
        const line = records[0] ?? '';
        expect(line.indexOf('\n')).toBe(line.length - 1);
        // eslint-disable-next-line no-control-regex -- these are the ones that must not be there
        expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
        if (format === 'json') expect((JSON.parse(line) as { message: string }).message).toBe(message);
      }),
    );
  });
});
