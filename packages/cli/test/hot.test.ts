import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { aliases, hot } from '../src/hot/index.ts';

describe('the commands', () => {
  it('have an oclif class each, and no class is without one', () => {
    const classes = readdirSync(new URL('../src/commands', import.meta.url)).map((file) => file.replace('.ts', ''));
    expect(classes.sort()).toEqual(Object.keys(hot).sort());
  });

  it('are found by the names that they say they have', async () => {
    const said: Record<string, string> = {};
    for (const [name, load] of Object.entries(hot)) {
      const spec = await load();
      expect(spec.name).toBe(name);
      for (const alias of spec.aliases ?? []) said[alias] ??= name;
    }
    expect(aliases).toEqual(said);
  });

  it('have a summary and an example each', async () => {
    for (const load of Object.values(hot)) {
      const spec = await load();
      expect(spec.summary).toMatch(/^[A-Z].*[^.]$/);
      expect(spec.examples.length).toBeGreaterThan(0);
      for (const { command } of spec.examples) expect(command).toContain(`gantry ${spec.name}`);
    }
  });
});
