import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { definePlugin, type DriversConfig } from '@gantry/driver-api';
import { createEngine, type Engine, type EngineEvent, type EngineOptions } from '../../src/index.ts';
import { writeLayout, type TestImage } from './layout.ts';
import { memoryHost } from './memory-host.ts';
import { memoryLog } from './memory-log.ts';
import { memoryRuntime } from './memory-runtime.ts';
import { memoryStorage } from './memory-storage.ts';
import { World } from './world.ts';

/** In-memory drivers, all over one world and one life. */
export function memoryPlugins(world: World): DriversConfig {
  const life = { generation: world.begin() };
  const common = { optionsSchema: { type: 'object' }, probe: async () => ({ ok: true }) as const };
  return {
    storage: definePlugin<'storage'>({ ...common, kind: 'storage', name: 'memory', open: async () => memoryStorage(world, life.generation) }),
    host: definePlugin<'host'>({ ...common, kind: 'host', name: 'memory', open: async () => memoryHost(world, life.generation) }),
    runtimes: { memory: definePlugin<'runtime'>({ ...common, kind: 'runtime', name: 'memory', open: async () => memoryRuntime(world, life.generation) }) },
    logs: [definePlugin<'log'>({ ...common, kind: 'log', name: 'memory-log', open: async () => memoryLog(world, life.generation) })],
  };
}

/** A folder of its own for one test, with engines in it one after another. */
export class Bench implements AsyncDisposable {
  readonly root: string;
  readonly world: World = new World();
  readonly #images: Record<string, string> = {};
  #engine: Engine | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(images: Readonly<Record<string, TestImage>> = { 'app:1': {} }): Promise<Bench> {
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'gantry-test-engine-')));
    for (const [name, image] of Object.entries(images)) await bench.addImage(name, image);
    return bench;
  }

  async addImage(name: string, image: TestImage): Promise<string> {
    const folder = await mkdtemp(join(this.root, 'layout-'));
    this.#images[name] = folder;
    return writeLayout(folder, image);
  }

  async open(options: Partial<EngineOptions> = {}): Promise<Engine> {
    this.#engine = await createEngine({
      dataRoot: join(this.root, 'data'),
      runRoot: join(this.root, 'run'),
      plugins: memoryPlugins(this.world),
      embeddedImages: this.#images,
      bootId: 'boot-1',
      closeDeadline: 10,
      ...options,
    });
    return this.#engine;
  }

  /** With one image pulled. */
  async ready(options: Partial<EngineOptions> = {}): Promise<Engine> {
    const engine = await this.open(options);
    for (const name of Object.keys(this.#images)) await engine.images.pull(name);
    return engine;
  }

  async close(): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
    this.#engine = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

/** What happened until now, as `type action name-or-id`. */
export async function eventsOf(engine: Engine, pick: (event: EngineEvent) => string = (event) => `${event.type} ${event.action}`): Promise<string[]> {
  const found: string[] = [];
  for await (const event of engine.events({ since: '2000-01-01T00:00:00Z', until: new Date(Date.now() + 1).toISOString() })) found.push(pick(event));
  return found;
}
