import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import plugin, { type LogFileOptions } from '../src/index.ts';
import { context, everything, folder, jsonLine, texts } from './fixture.ts';

async function open(stateDir: string = folder(), options: LogFileOptions = {}) {
  const { context: given, warnings } = context(stateDir);
  return { driver: await plugin.open(given, options), warnings };
}

const target = (dir: string, options: Record<string, string> = {}) => ({ id: 'c1', options, attrs: { tag: 'x' }, dir });

describe('the plugin', () => {
  it('is a log driver by the name that Docker has for it', () => {
    expect(plugin).toMatchObject({ apiVersion: 1, kind: 'log', name: 'json-file' });
  });

  it('probes its options', async () => {
    const { context: given } = context(folder());
    expect(await plugin.probe(given, {})).toEqual({ ok: true });
    expect(await plugin.probe(given, { maxSize: 'x' })).toEqual({ ok: false, reason: "invalid size: 'x'" });
  });
});

describe('the driver', () => {
  it('says where the keeper writes, the same for the same target', async () => {
    const { driver } = await open();
    const dir = folder();
    const sink = await driver.sink(target(dir, { 'max-size': '1k', mode: 'non-blocking' }));
    expect(sink).toEqual({ format: 'json-file', path: `${dir}/c1-json.log`, maxBytes: 1000, maxFiles: 3, attrs: { tag: 'x' }, full: 'drop', bufferBytes: 1_000_000 });
    expect(await driver.sink(target(dir, { 'max-size': '1k', mode: 'non-blocking' }))).toEqual(sink);
  });

  it('reads, measures and removes by id, also when it was opened again', async () => {
    const state = folder();
    const dir = folder();
    const { path } = await (await open(state)).driver.sink(target(dir));
    writeFileSync(`${path}.1`, jsonLine('a\n', 1));
    writeFileSync(path, jsonLine('b\n', 2));
    const { driver } = await open(state);
    expect(await texts(driver.read('c1', everything))).toEqual(['a\n', 'b\n']);
    expect(await driver.usage('c1')).toEqual({ bytes: 2 * jsonLine('a\n', 1).length });
    await driver.remove('c1');
    expect(readdirSync(dir)).toEqual([]);
    expect(readdirSync(state)).toEqual([]);
    expect(await texts(driver.read('c1', everything))).toEqual([]);
    expect(await driver.usage('c1')).toEqual({ bytes: 0 });
    await driver.remove('c1');
  });

  it('warns of lines that are no entries', async () => {
    const { driver, warnings } = await open();
    const { path } = await driver.sink(target(folder()));
    writeFileSync(path, `broken\n${jsonLine('a\n', 1)}`);
    expect(await texts(driver.read('c1', everything))).toEqual(['a\n']);
    expect(warnings).toEqual([expect.objectContaining({ id: 'c1', lines: 1 })]);
  });

  it('refuses ids that are paths, relative folders and unknown options', async () => {
    const { driver } = await open();
    for (const id of ['../x', 'a/b', '', '.', '.hidden', 'x'.repeat(129)]) {
      await expect(driver.sink({ ...target('/d'), id })).rejects.toMatchObject({ kind: 'invalid', code: 'log-id-invalid' });
      await expect(texts(driver.read(id, everything))).rejects.toMatchObject({ code: 'log-id-invalid' });
    }
    await expect(driver.sink(target('relative'))).rejects.toMatchObject({ code: 'log-dir-invalid' });
    await expect(driver.validate({ nosuch: '1' })).rejects.toMatchObject({ kind: 'invalid', code: 'log-option-invalid' });
    await expect(driver.write('c1', [])).rejects.toMatchObject({ kind: 'notImplemented' });
  });

  it('reports damaged and left-over records, and removes them when told to', async () => {
    const state = folder();
    const { driver } = await open(state);
    const dir = `${folder()}/gone`;
    mkdirSync(dir);
    await driver.sink(target(dir));
    await driver.sink({ ...target('/nonexistent'), id: 'c2' });
    writeFileSync(`${state}/c3.json`, '');
    writeFileSync(`${state}/c4.json.abc.tmp`, '');
    const problems = async (repair: boolean) => (await Array.fromAsync(driver.check({ repair }))).map(({ id, code, repaired }) => [id, code, repaired]).sort();
    expect(await problems(false)).toEqual([['c2', 'log-folder-missing', false], ['c3', 'log-record-damaged', false]]);
    expect(await problems(true)).toEqual([['c2', 'log-folder-missing', true], ['c3', 'log-record-damaged', true]]);
    expect(await problems(false)).toEqual([]);
    await open(state);
    expect(existsSync(`${state}/c4.json.abc.tmp`)).toBe(false);
  });

  it('gives its limits in the status', async () => {
    expect(await (await open()).driver.status()).toEqual([['Limit', '3 files of 10000000 bytes']]);
    expect(await (await open(folder(), { maxSize: '-1' })).driver.status()).toEqual([['Limit', 'none']]);
  });
});
