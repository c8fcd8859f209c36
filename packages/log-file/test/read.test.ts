import { appendFileSync, readdirSync, readlinkSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogEntry, LogQuery } from '@gantry/driver-api';
import { readLog } from '../src/read.ts';
import { everything, folder, jsonLine, texts, time } from './fixture.ts';

function logWith(...files: string[]): string {
  const path = `${folder()}/log`;
  files.toReversed().forEach((content, age) => {
    writeFileSync(age === 0 ? path : `${path}.${age}`, content);
  });
  return path;
}

const lines = (from: number, to: number): string => Array.from({ length: to - from }, (_, n) => jsonLine(`${from + n}\n`, from + n)).join('');
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => `${from + n}\n`);

describe('reading', () => {
  it('yields entries as they were written, with stream, time and attributes', async () => {
    const path = logWith(jsonLine('out é\n', 1) + jsonLine('err\n', 2, 'stderr', { tag: 'x' }));
    const entries: LogEntry[] = [];
    for await (const entry of readLog(path, everything)) entries.push(entry);
    expect(entries).toEqual([
      { at: time(1), fd: 1, line: Buffer.from('out é\n') },
      { at: time(2), fd: 2, line: Buffer.from('err\n'), attrs: { tag: 'x' } },
    ]);
  });

  it('goes through rotated files from the oldest on, by number and not by name', async () => {
    const path = logWith(...Array.from({ length: 12 }, (_, n) => lines(n * 3, n * 3 + 3)));
    writeFileSync(`${path}.bak`, 'no log');
    expect(await texts(readLog(path, everything))).toEqual(numbers(0, 36));
  });

  it('yields nothing for a log that is not there, or empty', async () => {
    expect(await texts(readLog(`${folder()}/none`, everything))).toEqual([]);
    expect(await texts(readLog('/nonexistent-folder/none', everything))).toEqual([]);
    expect(await texts(readLog(logWith(''), everything))).toEqual([]);
    expect(await texts(readLog(logWith(''), { ...everything, tail: 5 }))).toEqual([]);
  });

  it('keeps back a line that is not complete yet', async () => {
    const path = logWith(lines(0, 2) + jsonLine('half', 3).slice(0, 10));
    expect(await texts(readLog(path, everything))).toEqual(numbers(0, 2));
    expect(await texts(readLog(path, { ...everything, tail: 1 }))).toEqual(['1\n']);
  });

  it('skips damage and tells how much', async () => {
    const path = logWith(`${lines(0, 1)}\u0000\u0000\n{"log":3}\n{"log":"x","stream":"stdout","time":"yesterday"}\n[1\n${lines(1, 2)}`);
    const damage: number[] = [];
    expect(await texts(readLog(path, everything, { onDamage: (count) => damage.push(count) }))).toEqual(numbers(0, 2));
    expect(damage).toEqual([4]);
  });

  it('survives a line longer than any entry, in both directions', async () => {
    const path = logWith(`${lines(0, 1)}${'x'.repeat(5 * 1024 * 1024)}\n${lines(1, 2)}`);
    expect(await texts(readLog(path, everything))).toEqual(numbers(0, 2));
    expect(await texts(readLog(path, { ...everything, tail: 1 }))).toEqual(numbers(1, 2));
    expect(await texts(readLog(path, { ...everything, fds: [1], tail: 2 }))).toEqual(numbers(0, 2));
  });

  it('marks the parts of a long line, for each output by itself', async () => {
    const part = 'a'.repeat(16 * 1024);
    const path = logWith(jsonLine(part, 1) + jsonLine('short without newline', 2, 'stderr') + jsonLine(part, 3) + jsonLine('end\n', 4) + jsonLine('next\n', 5));
    const partials: unknown[] = [];
    for await (const { partial } of readLog(path, everything)) partials.push(partial);
    const id = `1:${time(1)}`;
    expect(partials).toEqual([{ id, ordinal: 1, last: false }, undefined, { id, ordinal: 2, last: false }, { id, ordinal: 3, last: true }, undefined]);
  });

  it('rejects with aborted once its signal fired', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(texts(readLog(logWith(lines(0, 2)), everything, { signal: controller.signal }))).rejects.toMatchObject({ kind: 'aborted' });
  });

  it('ends at what was there when it began, however fast the file grows', async () => {
    const path = logWith(lines(0, 2000));
    const seen: string[] = [];
    for await (const { line } of readLog(path, everything)) {
      seen.push(Buffer.from(line).toString());
      appendFileSync(path, jsonLine('more\n', 1));
    }
    expect(seen).toEqual(numbers(0, 2000));
  });
});

describe('queries', () => {
  const path = (): string => logWith(lines(0, 10), lines(10, 20), lines(20, 30));

  it.each<[Partial<LogQuery>, string[]]>([
    [{ tail: 0 }, []],
    [{ tail: 1 }, numbers(29, 30)],
    [{ tail: 10 }, numbers(20, 30)],
    [{ tail: 11 }, numbers(19, 30)],
    [{ tail: 30 }, numbers(0, 30)],
    [{ tail: 1000 }, numbers(0, 30)],
    [{ since: time(25) }, numbers(25, 30)],
    [{ until: time(5) }, numbers(0, 5)],
    [{ since: time(8), until: time(12) }, numbers(8, 12)],
    [{ since: time(8), until: time(12), tail: 1 }, numbers(11, 12)],
    [{ since: time(28), tail: 10 }, numbers(28, 30)],
    [{ since: time(40) }, []],
    [{ since: time(40), tail: 4 }, []],
    [{ fds: [2] }, []],
    [{ fds: [2], tail: 3 }, []],
    [{ since: '2026-01-01T01:00:00+01:00', until: '2026-01-01T00:00:00.000000001Z' }, numbers(0, 1)],
  ])('%j', async (query, expected) => {
    expect(await texts(readLog(path(), { ...everything, ...query }))).toEqual(expected);
  });

  it('counts only what matches', async () => {
    const log = logWith(Array.from({ length: 20 }, (_, n) => jsonLine(`${n}\n`, n, n % 2 === 0 ? 'stdout' : 'stderr')).join(''));
    expect(await texts(readLog(log, { follow: false, fds: [2], tail: 3 }))).toEqual(['15\n', '17\n', '19\n']);
  });

  it.each<[Partial<LogQuery>, string]>([
    [{ since: 'yesterday' }, 'log-time-invalid'],
    [{ until: '2026-01-01' }, 'log-time-invalid'],
    [{ tail: -1 }, 'log-tail-invalid'],
    [{ tail: 1.5 }, 'log-tail-invalid'],
  ])('refuses %j', async (query, code) => {
    await expect(texts(readLog(path(), { ...everything, ...query }))).rejects.toMatchObject({ kind: 'invalid', code });
  });

  it('finds the same entries from the end as from the beginning, wherever pieces and files are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.string({ maxLength: 200 }), fc.boolean()), { maxLength: 40 }), fc.integer({ min: 0, max: 45 }), fc.constantFrom(1, 2, 3), async (entries, tail, files) => {
        const big = 'y'.repeat(9000); // so that lines cross the pieces that are read
        const all = entries.map(([text, err], n) => jsonLine(`${text}${n % 3 === 0 ? big : ''}\n`, n, err ? 'stderr' : 'stdout'));
        const cut = Math.ceil(all.length / files);
        const log = `${folder()}/log`;
        for (let n = 0; n < files; n += 1) writeFileSync(n === files - 1 ? log : `${log}.${files - 1 - n}`, all.slice(n * cut, (n + 1) * cut).join(''));
        for (const fds of [[1, 2], [2]] satisfies (1 | 2)[][]) {
          const whole = await texts(readLog(log, { follow: false, fds }));
          expect(await texts(readLog(log, { follow: false, fds, tail }))).toEqual(tail === 0 ? [] : whole.slice(-tail));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('reads the tail of a large file without reading the file', async () => {
    const large = logWith(jsonLine('x'.repeat(100), 1).repeat(400_000)); // 60 MB
    const started = performance.now();
    expect(await texts(readLog(large, { ...everything, tail: 2 }))).toHaveLength(2);
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe('following', () => {
  async function collect(path: string, signal: AbortSignal, query: Partial<LogQuery> = {}): Promise<string[]> {
    return texts(readLog(path, { ...everything, follow: true, ...query }, { signal }));
  }

  it('yields what comes, then what is there when it is told to end', async () => {
    const path = logWith(lines(0, 3));
    const controller = new AbortController();
    const reading = collect(path, controller.signal, { tail: 1 });
    await sleep(50);
    appendFileSync(path, lines(3, 5));
    await sleep(50);
    appendFileSync(path, lines(5, 6));
    controller.abort();
    expect(await reading).toEqual(numbers(2, 6));
  });

  it('waits for a log that does not exist yet', async () => {
    const path = `${folder()}/log`;
    const controller = new AbortController();
    const reading = collect(path, controller.signal);
    await sleep(30);
    writeFileSync(path, lines(0, 2));
    await sleep(100);
    controller.abort();
    expect(await reading).toEqual(numbers(0, 2));
  });

  it('ends at once when nothing ever came', async () => {
    const controller = new AbortController();
    const reading = collect(`${folder()}/log`, controller.signal);
    controller.abort();
    expect(await reading).toEqual([]);
  });

  it('loses and doubles nothing over rotations, also when they overtake it', async () => {
    const path = logWith(lines(0, 5));
    const controller = new AbortController();
    const reading = collect(path, controller.signal);
    let next = 5;
    for (let round = 0; round < 30; round += 1) {
      const until = next + 7;
      appendFileSync(path, lines(next, until));
      next = until;
      for (let age = round; age >= 1; age -= 1) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
      renameSync(path, `${path}.1`);
      writeFileSync(path, '');
      if (round % 5 === 0) await sleep(5);
    }
    controller.abort();
    expect(await reading).toEqual(numbers(0, next));
  });

  it('goes on with the oldest that is left when its file was rotated away', async () => {
    const path = logWith(lines(0, 2));
    const controller = new AbortController();
    const reading = collect(path, controller.signal);
    await sleep(50);
    rmSync(path);
    writeFileSync(`${path}.1`, lines(10, 12));
    writeFileSync(path, lines(12, 13));
    await sleep(100);
    controller.abort();
    expect(await reading).toEqual([...numbers(0, 2), ...numbers(10, 13)]);
  });

  it('goes on at the beginning of a file that was emptied in place', async () => {
    const path = logWith(lines(0, 5));
    const controller = new AbortController();
    const reading = collect(path, controller.signal);
    await sleep(50);
    truncateSync(path, 0);
    appendFileSync(path, lines(7, 8));
    await sleep(150);
    controller.abort();
    expect(await reading).toEqual([...numbers(0, 5), ...numbers(7, 8)]);
  });

  it('frees its files when the reader leaves', async () => {
    const path = logWith(lines(0, 5));
    const open = (): string[] => readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return []; // the one that lists
      }
    });
    for await (const { line } of readLog(path, { ...everything, follow: true })) {
      expect(Buffer.from(line).toString()).toBe('0\n');
      expect(open()).toContain(path);
      break;
    }
    expect(open()).not.toContain(path);
  });

  it('stops by itself at `until`', async () => {
    const path = logWith(lines(0, 5));
    expect(await texts(readLog(path, { ...everything, follow: true, until: time(3) }))).toEqual(numbers(0, 3));
  });
});
