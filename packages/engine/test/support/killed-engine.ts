/**
 * An engine that kills itself: a process that leads a container through its life, and ends by SIGKILL right before or
 * right after the Nth call of a driver. What it managed to do is told line by line, as a client would have been told.
 *
 * Arguments: data root, `before` or `after`, N.
 */
import { writeSync } from 'node:fs';
import { definePlugin, type Driver, type DriversConfig, type Kinds, type Plugin, type PluginModule, type PluginUse } from '@gantry/driver-api';
import { createEngine } from '../../src/index.ts';
import { hello, realOptions, realPlugins } from './real-engine.ts';

const [dataRoot = '', when = 'before', nth = '0'] = process.argv.slice(2);
let calls = 0;
let armed = false;

function tell(line: string): void {
  writeSync(1, `${line}\n`);
}

/** These are in flight all the time, or have no effect. */
const uncounted = new Set(['wait', 'events', 'list', 'status', 'info', 'check', 'read', 'usage', 'gc']);

function deadly<T extends Driver>(driver: T, kind: string): T {
  return new Proxy(driver, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function' || typeof key !== 'string') return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      if (uncounted.has(key)) return member.bind(target) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        const mine = armed ? calls++ : -1;
        const name = `${kind}.${key}`;
        if (mine === Number(nth) && when === 'before') die(name);
        const result: unknown = await Reflect.apply(member, target, args);
        if (mine === Number(nth) && when === 'after') die(name);
        return result;
      };
    },
  });
}

function die(call: string): void {
  tell(`killed ${when} ${call}`);
  process.kill(process.pid, 'SIGKILL');
}

function wrapped<K extends keyof Kinds>(plugin: Plugin<K>): Plugin<K> {
  return definePlugin<K, unknown>({ ...plugin, open: async (context, options) => deadly(await plugin.open(context, options), plugin.kind) });
}

function wrappedUse(use: PluginUse | undefined): PluginModule {
  if (use === undefined || typeof use === 'string' || 'use' in use) throw new TypeError('not a plugin');
  return Array.isArray(use) ? use.map((plugin: Plugin) => wrapped(plugin)) : wrapped(use as Plugin);
}

const plugins: DriversConfig = { storage: wrappedUse(realPlugins.storage), runtimes: { linux: wrappedUse(realPlugins.runtimes?.['linux']) }, logs: (realPlugins.logs ?? []).map(wrappedUse) };
const { images, containers } = await createEngine({ ...realOptions(dataRoot), plugins });
await images.pull(hello);
armed = true;
const { id } = await containers.create({ image: hello, name: 'subject' });
tell('created');
const streams = await containers.attach(id, { stdin: false, stdout: true, stderr: true });
const exit = containers.wait(id, { condition: 'next-exit' });
await containers.start(id);
tell('started');
await streams[Symbol.asyncDispose]();
tell(`ended ${(await exit).exitCode}`);
await containers.remove(id);
tell('removed');
tell(`calls ${calls}`);
process.exit(0);
