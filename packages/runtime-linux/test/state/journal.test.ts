import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RuntimeEvent } from '@gantry/driver-api';
import { Journal, type NewEvent } from '../../src/state/journal.ts';
import { folder } from '../folder.ts';

const event = (id: string, type: NewEvent['type'], at = 't', execId?: string): NewEvent => ({ id, type, at, ...(execId === undefined ? {} : { execId }) });

/** What is there now, without waiting for more. */
async function retained(journal: Journal, after?: string): Promise<RuntimeEvent[]> {
  const end = new AbortController();
  const seen: RuntimeEvent[] = [];
  const reading = (async () => {
    for await (const one of journal.events(after, end.signal)) seen.push(one);
  })();
  await new Promise((resolve) => setTimeout(resolve, 5));
  end.abort();
  await expect(reading).rejects.toMatchObject({ kind: 'aborted' });
  return seen;
}

const brief = (events: readonly RuntimeEvent[]): string[] => events.map(({ id, type }) => `${id} ${type}`);

describe('Journal', () => {
  it('tells what happened in order, also after it was opened again', async () => {
    const path = `${folder()}/journal`;
    const journal = await Journal.open(path);
    journal.append(event('a', 'create'));
    journal.append({ ...event('a', 'exit'), exit: { code: 7, oomKilled: false, at: 't' } });
    const before = await retained(journal);
    expect(before).toMatchObject([{ id: 'a', type: 'create' }, { id: 'a', type: 'exit', exit: { code: 7 } }]);
    journal.close();
    const again = await Journal.open(path);
    expect(await retained(again)).toEqual(before);
    expect(again.lives().get('a')).toMatchObject([{ type: 'create' }, { type: 'exit' }]);
    again.append(event('b', 'create'));
    const after = await retained(again, before[1]?.cursor);
    expect(brief(after)).toEqual(['b create']);
    expect(new Set([...before, ...after].map(({ cursor }) => cursor)).size).toBe(3);
    again.close();
  });

  it('tells followers at once, each of them, and ends with its journal', async () => {
    const journal = await Journal.open(`${folder()}/journal`);
    const collect = async (): Promise<string[]> => {
      const seen: string[] = [];
      for await (const { id } of journal.events(undefined, undefined)) seen.push(id);
      return seen;
    };
    const both = [collect(), collect()];
    for (const id of ['a', 'b', 'c']) {
      journal.append(event(id, 'create'));
      await new Promise(setImmediate);
    }
    journal.close();
    expect(await Promise.all(both)).toEqual([['a', 'b', 'c'], ['a', 'b', 'c']]);
  });

  it('keeps an event until its container is deleted and a later cursor came back', async () => {
    const journal = await Journal.open(`${folder()}/journal`);
    for (const [id, type] of [['a', 'create'], ['b', 'create'], ['a', 'delete'], ['c', 'create']] as const) journal.append(event(id, type));
    const all = await retained(journal);
    await retained(journal, all[1]?.cursor); // behind a's first, but a's end is not acknowledged
    expect(brief(await retained(journal))).toEqual(['b create', 'a delete', 'c create']);
    await retained(journal, all[3]?.cursor);
    expect(brief(await retained(journal))).toEqual(['b create', 'c create']);
    journal.close();
  });

  it('does not drop a new life with the old one of the same id', async () => {
    const journal = await Journal.open(`${folder()}/journal`);
    for (const type of ['create', 'delete', 'create', 'start'] as const) journal.append(event('a', type));
    const last = (await retained(journal)).at(-1);
    await retained(journal, last?.cursor);
    expect(brief(await retained(journal))).toEqual(['a create', 'a start']);
    expect(journal.lives().get('a')?.map(({ type }) => type)).toEqual(['create', 'start']);
    journal.close();
  });

  it.each(['', 'x', '00000000.1', '00000000.999', '../../etc', 'ffffffff.-1'])('tells everything again for the unknown cursor %j', async (cursor) => {
    const journal = await Journal.open(`${folder()}/journal`);
    journal.append(event('a', 'create'));
    expect(brief(await retained(journal, cursor))).toEqual(['a create']);
    journal.close();
  });

  it('does not take a number that a crash of the machine freed for one that it gave out', async () => {
    const path = `${folder()}/journal`;
    const first = await Journal.open(path);
    first.append(event('a', 'create'));
    const kept = readFileSync(path, 'utf8');
    first.append(event('b', 'create'));
    const lost = (await retained(first)).at(-1)?.cursor;
    first.close();
    writeFileSync(path, kept); // the end was never written
    const second = await Journal.open(path);
    second.append(event('c', 'create'));
    second.append(event('d', 'create'));
    expect(brief(await retained(second, lost))).toEqual(['a create', 'c create', 'd create']);
    second.close();
  });

  it('knows a cursor of an earlier opening that is on disk', async () => {
    const path = `${folder()}/journal`;
    const first = await Journal.open(path);
    first.append(event('a', 'create'));
    const cursor = (await retained(first))[0]?.cursor;
    first.close();
    const second = await Journal.open(path);
    second.append(event('b', 'create'));
    expect(brief(await retained(second, cursor))).toEqual(['b create']);
    second.close();
  });

  it('knows the cursors of the last openings, and not those of all', async () => {
    const path = `${folder()}/journal`;
    const cursors: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      const journal = await Journal.open(path);
      journal.append(event(`c${n}`, 'create'));
      cursors.push((await retained(journal)).at(-1)?.cursor ?? '');
      journal.close();
    }
    const journal = await Journal.open(path);
    expect(brief(await retained(journal, cursors[38]))).toEqual(['c39 create']);
    expect((await retained(journal, cursors[0])).length).toBe(40);
    journal.close();
  });

  it('drops a line that was cut, and what is no line', async () => {
    const path = `${folder()}/journal`;
    const journal = await Journal.open(path);
    journal.append(event('é', 'create'));
    journal.close();
    appendFileSync(path, 'garbage\n{"seq":2,"event":{"id":"x"}}\n{"seq":9,"event":{"id":"half",');
    const again = await Journal.open(path);
    again.append(event('b', 'create'));
    expect(brief(await retained(again))).toEqual(['é create', 'b create']);
    again.close();
    const third = await Journal.open(path);
    expect(brief(await retained(third))).toEqual(['é create', 'b create']);
    third.close();
  });

  it('writes itself anew when most of it is gone', async () => {
    const path = `${folder()}/journal`;
    const journal = await Journal.open(path);
    for (let n = 0; n < 600; n += 1) for (const type of ['create', 'delete'] as const) journal.append(event(`c${n}`, type));
    journal.append(event('kept', 'create'));
    const last = (await retained(journal)).at(-1)?.cursor;
    await retained(journal, last);
    expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(10);
    journal.append(event('new', 'create'));
    journal.close();
    const again = await Journal.open(path);
    expect(brief(await retained(again))).toEqual(['kept create', 'new create']);
    expect(brief(await retained(again, last))).toEqual(['new create']);
    again.close();
  });

  it('does not grow for ever by execs that nobody acknowledges', async () => {
    const journal = await Journal.open(`${folder()}/journal`);
    journal.append(event('a', 'create'));
    journal.append(event('a', 'start', 't', 'runs'));
    for (let n = 0; n < 3000; n += 1) for (const type of ['start', 'exit'] as const) journal.append(event('a', type, `t${n}`, `x${n}`));
    const left = await retained(journal);
    expect(left.length).toBeLessThan(1200);
    expect(brief(left.slice(0, 2))).toEqual(['a create', 'a start']);
    expect(left[1]).toMatchObject({ execId: 'runs' });
    expect(left.at(-1)).toMatchObject({ execId: 'x2999', type: 'exit' });
    journal.close();
  });
});
