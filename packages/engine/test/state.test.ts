import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { Actor } from '../src/containers/actor.ts';
import { EventLog } from '../src/events/event-log.ts';
import { Database } from '../src/state/database.ts';
import { lockDataRoot } from '../src/state/lock.ts';
import { migrations } from '../src/state/migrations.ts';
import { silent } from '../src/util/logger.ts';
import { compareTimes, nanosOf, now } from '../src/util/time.ts';
import { version } from '../src/index.ts';

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-test-state-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the database', () => {
  it('rolls back what throws, joins what is nested, and calls back after the commit only', () =>
    inFolder(async (folder) => {
      const db = await Database.open(join(folder, 'engine.db'), silent);
      const told: string[] = [];
      const put = (key: string): void => db.run('INSERT INTO meta (key, value) VALUES (?, ?)', key, 'v');
      expect(() =>
        db.transaction(() => {
          put('a');
          db.afterCommit(() => told.push('a'));
          db.transaction(() => put('b'));
          throw new Error('no');
        }),
      ).toThrow('no');
      db.transaction(() => {
        put('c');
        db.afterCommit(() => told.push('c'));
      });
      expect(db.all('SELECT key FROM meta').map((row) => row['key'])).toEqual(['c']);
      expect(told).toEqual(['c']);
      await db.close();
      expect(() => put('d')).toThrow(expect.objectContaining({ kind: 'unavailable', code: 'engine-closed' }));
    }));

  it('syncs once for all that wait together, and everybody is told', () =>
    inFolder(async (folder) => {
      const db = await Database.open(join(folder, 'engine.db'), silent);
      await Promise.all(Array.from({ length: 50 }, async (_, n) => {
        db.run('INSERT INTO meta (key, value) VALUES (?, ?)', String(n), 'v');
        await db.durable();
      }));
      expect(db.get('SELECT count(*) AS n FROM meta')?.['n']).toBe(50);
      await db.close();
    }));

  it('moves its log into itself in the background, and then begins it anew', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'engine.db');
      const db = await Database.open(path, silent);
      const write = (n: number): void => db.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', String(n % 50), 'v'.repeat(2000));
      write(0);
      const grown = async (): Promise<number> => {
        // The last of these has the log moved; the one above or below is the first of the next round.
        for (let n = 0; n < 511; n++) write(n);
        const before = (await stat(`${path}-wal`)).size;
        expect(before).toBeGreaterThan(2 * 1024 * 1024);
        await new Promise((resolve) => setTimeout(resolve, 500));
        write(0);
        return (await stat(`${path}-wal`)).size - before;
      };
      // A log that is begun anew overwrites itself, and grows no more.
      await expect.poll(grown, { timeout: 20_000 }).toBeLessThanOrEqual(0);
      await db.close();
    }));

  it('comes up to date from every earlier version, and refuses a later one', () =>
    inFolder(async (folder) => {
      for (let from = 0; from <= migrations.length; from++) {
        const path = join(folder, `${from}.db`);
        const old = new DatabaseSync(path);
        for (const script of migrations.slice(0, from)) old.exec(script);
        old.exec(`PRAGMA user_version = ${from}`);
        if (from >= 1) old.exec("INSERT INTO meta (key, value) VALUES ('id', 'kept')");
        old.close();
        const db = await Database.open(path, silent);
        expect(db.get('PRAGMA user_version')?.['user_version']).toBe(migrations.length);
        if (from >= 1) expect(db.get("SELECT value FROM meta WHERE key = 'id'")?.['value']).toBe('kept');
        await db.close();
      }
      const path = join(folder, 'future.db');
      const future = new DatabaseSync(path);
      future.exec(`PRAGMA user_version = ${migrations.length + 1}`);
      future.close();
      await expect(Database.open(path, silent)).rejects.toThrow(expect.objectContaining({ kind: 'conflict', code: 'database-too-new' }));
    }));

  it('says so when it is damaged', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'engine.db');
      await writeFile(path, 'this is no database, and long enough to be looked at as one'.repeat(100));
      await expect(Database.open(path, silent)).rejects.toThrow(expect.objectContaining({ kind: 'dataLoss', code: 'database-damaged' }));
    }));
});

describe('the lock of a data root', () => {
  it('is held by one, names it, and is free after it', () =>
    inFolder(async (folder) => {
      const lock = await lockDataRoot(folder, 'unix:///run/x.sock');
      expect(JSON.parse(await readFile(join(folder, 'owner.json'), 'utf8'))).toMatchObject({ pid: process.pid, socket: 'unix:///run/x.sock' });
      await expect(lockDataRoot(folder, undefined)).rejects.toThrow(`(process ${process.pid} listening on unix:///run/x.sock)`);
      await lock[Symbol.asyncDispose]();
      await (await lockDataRoot(folder, undefined))[Symbol.asyncDispose]();
    }));
});

describe('events', () => {
  const draft = (action: string) => ({ type: 'container', action, id: 'c1', attributes: { name: 'web', image: 'app:1', tier: 'x' } }) as const;

  it('are kept, trimmed, filtered, and told from since to until', () =>
    inFolder(async (folder) => {
      const db = await Database.open(join(folder, 'engine.db'), silent);
      const log = new EventLog(db, 300);
      const begin = now();
      for (let n = 0; n < 600; n++) log.record(draft(`a${n}`));
      expect(Number(db.get('SELECT count(*) AS n FROM events')?.['n'])).toBeLessThan(600);
      const live = log.watch({ since: begin, filter: { actions: ['a599', 'new'], containers: ['web'], images: ['app'], labels: ['tier=x'], types: ['container'] } });
      log.record(draft('new'));
      log.record({ ...draft('new'), type: 'image' });
      const seen: string[] = [];
      for await (const { action } of live) {
        seen.push(action);
        if (action === 'new') break;
      }
      expect(seen).toEqual(['a599', 'new']);
      expect(log.listeners).toBe(0);
      await db.close();
    }));

  it('cut off a reader that falls too far behind', () =>
    inFolder(async (folder) => {
      const db = await Database.open(join(folder, 'engine.db'), silent);
      const log = new EventLog(db, 100);
      const reader = log.watch({})[Symbol.asyncIterator]();
      for (let n = 0; n < 5000; n++) log.record(draft('x'));
      await expect(async () => {
        for (;;) await reader.next();
      }).rejects.toThrow(expect.objectContaining({ kind: 'exhausted', code: 'events-overrun' }));
      await db.close();
    }));

  it('end with the signal, with until, and with the log', () =>
    inFolder(async (folder) => {
      const db = await Database.open(join(folder, 'engine.db'), silent);
      const log = new EventLog(db, 100);
      const abort = new AbortController();
      const one = log.watch({ signal: abort.signal })[Symbol.asyncIterator]().next();
      abort.abort();
      expect((await one).done).toBe(true);
      expect((await log.watch({ until: new Date(Date.now() + 20).toISOString() })[Symbol.asyncIterator]().next()).done).toBe(true);
      const last = log.watch({})[Symbol.asyncIterator]().next();
      log.close();
      expect((await last).done).toBe(true);
      await db.close();
    }));
});

describe('an actor', () => {
  it('does one step after another, and what its caller gave up never begins', async () => {
    const actor = new Actor('c1', 40, silent);
    const hold = Promise.withResolvers<undefined>();
    const order: string[] = [];
    const first = actor.run('first', async () => {
      await hold.promise;
      order.push('first');
    });
    const second = actor.run('second', async () => order.push('second'));
    await expect(first).rejects.toThrow('first of container c1 did not end within 0.04 s');
    await expect(second).rejects.toThrow('it is busy with first');
    const end = actor.runInTheEnd('third', async () => order.push('third'));
    hold.resolve(undefined);
    await end;
    expect(order).toEqual(['first', 'third']);
  });
});

describe('times', () => {
  it('grow within a millisecond, and compare by nanoseconds', () => {
    const times = Array.from({ length: 1000 }, now);
    expect([...times].sort()).toEqual(times);
    expect(new Set(times).size).toBe(1000);
    expect(nanosOf('2026-01-01T00:00:00.000000001Z') - nanosOf('2026-01-01T01:00:00+01:00')).toBe(1n);
    expect(compareTimes('2026-01-01T00:00:00.5Z', '2026-01-01T00:00:00.25Z')).toBe(1);
    expect(() => nanosOf('yesterday')).toThrow(expect.objectContaining({ code: 'bad-time' }));
  });
});

it('tells the version that its package.json has', async () => {
  const { version: published } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(version).toBe(published);
});
