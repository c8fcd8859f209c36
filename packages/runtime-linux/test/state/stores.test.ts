import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { atMost, unlessAborted, within } from '../../src/state/deadline.ts';
import { guarded } from '../../src/state/guard.ts';
import { checkId } from '../../src/state/ids.ts';
import { KeyedLock } from '../../src/state/lock.ts';
import { ProgramStore } from '../../src/state/program-store.ts';
import { RecordFolder } from '../../src/state/record-folder.ts';
import { parseContainer, parseSandbox, parseSlot, type ContainerRecord, type SandboxRecord } from '../../src/state/records.ts';
import { folder } from '../folder.ts';

const container: ContainerRecord = { id: 'c1', token: 't', bootId: 'b', sandbox: 's1', slot: 'k1', cgroup: '/g/c1', keeper: 'build', seccomp: { name: 'ab', flags: 2 } };
const sandbox: SandboxRecord = { id: 's1', bootId: 'b', slot: 'k1', request: { id: 's1', namespaces: ['net', 'pid'], sysctls: { a: 'b' }, hostname: 'h', cgroupParent: '/p' } };

describe('records', () => {
  it('come back as they were written', () => {
    expect(parseSandbox({ ...sandbox, spoilt: true })).toEqual({ ...sandbox, spoilt: true });
    expect(parseContainer(JSON.parse(JSON.stringify(container)))).toEqual(container);
    expect(parseSandbox(JSON.parse(JSON.stringify(sandbox)))).toEqual(sandbox);
    expect(parseSlot({ key: 'k1', cgroup: '/g' })).toEqual({ key: 'k1', cgroup: '/g' });
  });

  it.each([null, 3, 'x', {}, { ...container, id: '../x' }, { ...container, slot: 'a/b' }, { ...container, token: 1 }])('%j is none of a container', (value) => {
    expect(parseContainer(value)).toBeUndefined();
  });

  it.each([null, { ...sandbox, request: undefined }, { ...sandbox, request: { ...sandbox.request, namespaces: ['mount'] } }, { ...sandbox, request: { ...sandbox.request, sysctls: { a: 1 } } }])(
    '%j is none of a sandbox',
    (value) => {
      expect(parseSandbox(value)).toBeUndefined();
    },
  );

  it.each([undefined, { key: '..', cgroup: '/g' }, { key: 'k', cgroup: 'g' }])('%j is none of a slot', (value) => {
    expect(parseSlot(value)).toBeUndefined();
  });
});

describe('RecordFolder', () => {
  it('keeps records, privately, and tells which are damaged', async () => {
    const path = `${folder()}/records`;
    const records = new RecordFolder(path, parseContainer);
    expect(await records.open()).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    await records.set(container);
    await records.set({ ...container, token: 'new' });
    await records.set({ ...container, id: 'c2' });
    await records.delete('c2');
    await records.delete('c2');
    writeFileSync(`${path}/c3.json`, '');
    writeFileSync(`${path}/c4.json`, JSON.stringify(container)); // another's
    writeFileSync(`${path}/c1.json.0123.tmp`, '{');
    expect((await new RecordFolder(path, parseContainer).open()).sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: 'c1', record: { ...container, token: 'new' } },
      { id: 'c3', damaged: true },
      { id: 'c4', damaged: true },
    ]);
    expect(readdirSync(path).sort()).toEqual(['c1.json', 'c3.json', 'c4.json']);
  });
});

describe('ProgramStore', () => {
  it('keeps programs by content, and drops what nobody needs', async () => {
    const path = `${folder()}/programs`;
    const store = new ProgramStore(path);
    await store.open(new Set());
    const [one, two] = [await store.put(new Uint8Array([1])), await store.put(new Uint8Array([2]))];
    expect(await store.put(new Uint8Array([1]))).toBe(one);
    expect(new Uint8Array(await store.get(two))).toEqual(new Uint8Array([2]));
    const again = new ProgramStore(path);
    await again.open(new Set([one]));
    expect(readdirSync(path)).toEqual([one]);
    await expect(again.get(two)).rejects.toMatchObject({ kind: 'dataLoss', code: 'seccomp-program-lost' });
  });

  it('refuses a program that was changed', async () => {
    const path = `${folder()}/programs`;
    const store = new ProgramStore(path);
    await store.open(new Set());
    const name = await store.put(new Uint8Array([1, 2, 3]));
    writeFileSync(`${path}/${name}`, 'allow everything');
    await expect(store.get(name)).rejects.toMatchObject({ kind: 'dataLoss' });
  });
});

describe('KeyedLock', () => {
  it('runs calls of one key one after another, of others beside it, and goes on after a failure', async () => {
    const lock = new KeyedLock();
    const steps: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const first = lock.run('a', async () => {
      steps.push('a1');
      await gate.promise;
      throw new Error('fails');
    });
    const second = lock.run('a', () => {
      steps.push('a2');
      return Promise.resolve();
    });
    await lock.run('b', () => {
      steps.push('b');
      return Promise.resolve();
    });
    expect(steps).toEqual(['a1', 'b']);
    gate.resolve(undefined);
    await expect(first).rejects.toThrow('fails');
    await second;
    expect(steps).toEqual(['a1', 'b', 'a2']);
  });
});

describe('waiting', () => {
  it('ends at a deadline, or with the work', async () => {
    expect(await within(1000, 'work', Promise.resolve(3))).toBe(3);
    await expect(within(1000, 'work', Promise.reject(new Error('no')))).rejects.toThrow('no');
    await atMost(5, new Promise(() => undefined));
    await atMost(5000, Promise.resolve());
    await expect(within(5, 'work', new Promise(() => undefined))).rejects.toMatchObject({ kind: 'timeout', code: 'keeper-timeout' });
  });

  it('ends when its signal fires', async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(controller.signal, new Promise(() => undefined));
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
    await expect(unlessAborted(controller.signal, Promise.resolve(1))).rejects.toMatchObject({ kind: 'aborted' });
    expect(await unlessAborted(undefined, Promise.resolve(1))).toBe(1);
  });
});

describe('guarded', () => {
  it.each([
    [Object.assign(new Error('full'), { code: 'ENOSPC' }), 'exhausted'],
    [new Error('other'), 'internal'],
    ['text', 'internal'],
  ])('makes %s a GantryError', async (error, kind) => {
    await expect(guarded(() => Promise.reject(error as Error))).rejects.toMatchObject({ kind });
  });
});

describe('checkId', () => {
  it.each(['a', 'A-b_c.d', '0'.repeat(128)])('takes %s', (id) => {
    expect(checkId(id, 'container')).toBe(id);
  });

  it.each(['', '.', '..', '-a', 'a/b', 'a b', 'a\0', '0'.repeat(129), 'é'])('refuses %j', (id) => {
    expect(() => checkId(id, 'container')).toThrow(expect.objectContaining({ kind: 'invalid', code: 'id-invalid' }));
  });
});
