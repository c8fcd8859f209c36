import { strict as assert } from 'node:assert';
import type { RuntimeEvent } from '@gantry/driver-api';
import type { Case } from '../harness/index.ts';
import { type RuntimeFixture } from './fixture.ts';

type Cases = readonly Omit<Case<RuntimeFixture>, 'suite'>[];

const brief = (events: readonly RuntimeEvent[]): string[] => events.map(({ id, execId, type }) => [id, execId, type].filter((part) => part !== undefined).join(' '));

/** What happened, told in order and told again. */
export const events: Cases = [
  {
    name: 'a life is told in order, with the exit',
    async run(t) {
      const { id } = await t.run('exit 7');
      await t.clear(id);
      const told = await t.events();
      assert.deepEqual(brief(told), [`${id} create`, `${id} start`, `${id} exit`, `${id} delete`]);
      const { at, exit } = told[2] ?? {};
      assert.deepEqual([exit?.code, exit?.at], [7, at]);
      assert.equal(new Set(told.map(({ cursor }) => cursor)).size, 4, 'a cursor comes twice');
    },
  },
  {
    name: 'execs, pauses and resumes are told too',
    async run(t) {
      const id = await t.start('sleep 1000');
      const { execId } = await t.exec(id, 'exit 3');
      if (t.driver.capabilities.pause) {
        await t.driver.pause(id);
        await t.driver.resume(id);
      }
      const told = await t.events();
      const pauses = t.driver.capabilities.pause ? [`${id} pause`, `${id} resume`] : [];
      assert.deepEqual(brief(told), [`${id} create`, `${id} start`, `${id} ${execId} start`, `${id} ${execId} exit`, ...pauses]);
      assert.equal(told[3]?.exit?.code, 3);
    },
  },
  {
    name: 'followers hear of things as they happen, each of them',
    async run(t) {
      const end = new AbortController();
      const follow = async (): Promise<string[]> => {
        const seen: string[] = [];
        for await (const { type } of t.driver.events({ signal: end.signal })) {
          seen.push(type);
          if (type === 'exit') break;
        }
        return seen;
      };
      const both = [follow(), follow()];
      const { id } = await t.run('true');
      assert.deepEqual(await Promise.all(both), [['create', 'start', 'exit'], ['create', 'start', 'exit']], id);
    },
  },
  {
    name: 'after a cursor come the later events, and an unknown one brings all',
    async run(t) {
      const { id } = await t.run('true');
      const told = await t.events();
      assert.deepEqual(brief(await t.events(told[0]?.cursor)), [`${id} start`, `${id} exit`]);
      assert.deepEqual(brief(await t.events(told[2]?.cursor)), []);
      for (const unknown of ['', 'nonsense', `${told[2]?.cursor ?? ''}0`]) assert.deepEqual(brief(await t.events(unknown)), brief(told), `after ${JSON.stringify(unknown)}`);
    },
  },
  {
    name: 'an event is kept until its container is deleted and a later cursor came back',
    async run(t) {
      const { id: first } = await t.run('true');
      const { id: second } = await t.run('true');
      const told = await t.events();
      await t.events(told.at(-1)?.cursor);
      assert.deepEqual(brief(await t.events()), brief(told), 'events of containers that are there were dropped');
      await t.clear(first);
      assert.equal((await t.events()).length, told.length + 1, 'events were dropped before anybody had them');
      const { id: third } = await t.run('true');
      const last = (await t.events()).at(-1)?.cursor;
      await t.events(last);
      assert.deepEqual(brief(await t.events()), [second, third].flatMap((id) => ['create', 'start', 'exit'].map((type) => `${id} ${type}`)));
    },
  },
  {
    name: 'cursors hold when the driver was opened again, and what happened meanwhile is told',
    async run(t) {
      const id = await t.start('sleep 0.3; exit 5');
      const before = await t.events();
      await t.driver[Symbol.asyncDispose]();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await t.reopenClosed();
      await t.driver.wait(id);
      const after = await t.events(before.at(-1)?.cursor);
      assert.deepEqual(brief(after), [`${id} exit`]);
      assert.equal(after[0]?.exit?.code, 5);
      assert.deepEqual(brief(await t.events()), [...brief(before), `${id} exit`]);
    },
  },
];
