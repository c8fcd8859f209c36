import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../src/state/journal.ts';
import { afterEvent, eventKey, newborn, statusOf, withExec, withoutExec } from '../../src/state/life.ts';

const event = (type: NewEvent['type'], more: Partial<NewEvent> = {}): NewEvent => ({ id: 'c', at: 't', type, ...more });
const exit = { code: 3, oomKilled: true, at: 'e' };
const live = (...events: NewEvent[]): ReturnType<typeof afterEvent> => events.reduce(afterEvent, newborn);

describe('a life', () => {
  it.each([
    [[event('create')], 'created'],
    [[event('create'), event('start')], 'running'],
    [[event('create'), event('start'), event('pause')], 'paused'],
    [[event('create'), event('start'), event('pause'), event('resume')], 'running'],
    [[event('create'), event('start'), event('pause'), event('exit', { exit })], 'stopped'],
    [[event('create'), event('exit', { exit })], 'stopped'],
    [[event('create'), event('start'), event('oom')], 'running'],
    [[event('create'), event('pause')], 'created'],
  ] as const)('of %j is %s', (events, status) => {
    expect(statusOf(live(...events))).toBe(status);
  });

  it('keeps when it began and how it ended', () => {
    expect(live(event('start', { at: 's' }), event('exit', { exit }))).toMatchObject({ startedAt: 's', exit });
  });

  it('has execs of its own', () => {
    const life = live(event('start'), event('start', { execId: 'x' }), event('start', { execId: 'y' }), event('exit', { execId: 'y', exit }));
    expect([...life.execs]).toEqual([['x', { status: 'running' }], ['y', { status: 'stopped', exit }]]);
    expect(life.status).toBe('running');
    expect([...withoutExec(withExec(life, 'z', { status: 'created' }), 'x').execs.keys()]).toEqual(['y', 'z']);
  });
});

describe('eventKey', () => {
  it('is the same for what can happen once, and differs for what can happen again', () => {
    expect(eventKey(event('start', { at: '1' }))).toBe(eventKey(event('start', { at: '2' })));
    expect(eventKey(event('oom', { at: '1' }))).not.toBe(eventKey(event('oom', { at: '2' })));
    expect(eventKey(event('exit', { execId: 'x' }))).not.toBe(eventKey(event('exit')));
    expect(eventKey(event('start', { execId: 'x', at: '1' }))).not.toBe(eventKey(event('start', { execId: 'x', at: '2' })));
  });
});
