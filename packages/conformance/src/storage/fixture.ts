import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import type { Layer, LayerId, Plugin, StorageDriver } from '@gantry/driver-api';
import { isGantryError, type ErrorKind } from '@gantry/errors';
import { openFsSession, type FsSession, type NativeEndpoint } from '@gantry/linux';
import { parseDiffID, type DiffID } from '@gantry/oci';
import { assertProbe, casesOf, Environment, inPieces, rawTar, readTree, type Case, type Define, type Mode, type RawEntry, type Tree } from '../harness/index.ts';
import { loopback } from '../proxy/index.ts';

/** What a kit is run on. */
export interface StorageSubject {
  readonly plugin: Plugin<'storage'>;
  readonly url: URL;
  readonly options: unknown;
  /** Where the temporary folders are made. */
  readonly tmp?: string | undefined;
}

/** Who holds what the fixture mounts. */
const holder = 'fixture';

/** What a case works with: a driver that was just opened in an empty folder, and shorthands. */
export class StorageFixture implements AsyncDisposable {
  readonly subject: StorageSubject;
  readonly env: Environment;
  readonly mode: Mode;
  #driver: StorageDriver;
  #count = 0;

  private constructor(subject: StorageSubject, env: Environment, mode: Mode, driver: StorageDriver) {
    this.subject = subject;
    this.env = env;
    this.mode = mode;
    this.#driver = driver;
  }

  static async open(subject: StorageSubject, mode: Mode): Promise<StorageFixture> {
    const env = await Environment.create(subject.tmp);
    try {
      await assertProbe(subject.plugin, env.context('one'), subject.options);
      return new StorageFixture(subject, env, mode, await openDriver(subject, env, mode, 'one'));
    } catch (e) {
      await env[Symbol.asyncDispose]();
      throw e;
    }
  }

  get driver(): StorageDriver {
    return this.#driver;
  }

  /** Closes the driver, as an engine that stops does, and opens it again. */
  async reopen(session = 'one'): Promise<StorageDriver> {
    await this.#driver[Symbol.asyncDispose]();
    return await this.reopenClosed(session);
  }

  /** Opens the driver again, which was closed. */
  async reopenClosed(session = 'one'): Promise<StorageDriver> {
    return (this.#driver = await openDriver(this.subject, this.env, this.mode, session));
  }

  async endpoint(): Promise<NativeEndpoint> {
    return (await this.env.native()).endpoint;
  }

  /** Ingests and publishes. */
  async layer(name: string, parent: LayerId | null, entries: readonly RawEntry[]): Promise<Layer> {
    return await this.layerOf(name, parent, rawTar(entries));
  }

  async layerOf(name: string, parent: LayerId | null, tar: Buffer): Promise<Layer> {
    const key = `ingest of ${name}`;
    await this.#driver.ingest(key, { tar: inPieces(tar, 65_536) }, { expect: diffIdOf(tar) });
    return await this.#driver.publish(key, { id: layerId(name), parent });
  }

  /** What a container over this layer sees. */
  async tree(layer: LayerId | null, o: { readonly mtime?: boolean } = {}): Promise<Tree> {
    const key = `look ${this.#count++}`;
    await this.#driver.prepare(key, layer, { view: true });
    const tree = await this.treeOf(key, o);
    await this.#driver.remove({ snapshot: key });
    return tree;
  }

  /** What a container over this snapshot sees. */
  async treeOf(key: string, o: { readonly mtime?: boolean } = {}): Promise<Tree> {
    const { path } = await this.#driver.mount(key, holder);
    const tree = await readTree(await this.endpoint(), path, o);
    await this.#driver.release(key, holder);
    return tree;
  }

  // Below, nothing is released after a failure: the environment cleans up, and the first error is the one to see.

  /** Changes a snapshot, as a container would. */
  async edit(key: string, fn: (session: FsSession) => Promise<void>): Promise<void> {
    const { path } = await this.#driver.mount(key, holder);
    {
      await using session = await openFsSession(await this.endpoint(), { root: path });
      await fn(session);
    }
    await this.#driver.release(key, holder);
  }

  /** Puts this tar over that layer, under a new name. */
  async again(tar: Buffer, parent: LayerId | null): Promise<LayerId> {
    return (await this.layerOf(`again ${this.#count++}`, parent, tar)).id;
  }

  /** The driver finds nothing wrong. */
  async healthy(): Promise<void> {
    assert.deepEqual(await collect(this.#driver.check()), [], 'check() finds something');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using ends = new AsyncDisposableStack();
    ends.use(this.env);
    ends.use(this.#driver);
  }
}

/** A suite of this kit. */
export type StorageCases = readonly Omit<Case<StorageFixture>, 'suite'>[];

export function cases(describe: (it: Define<StorageFixture>) => void): StorageCases {
  return casesOf(describe);
}

export async function openDriver(subject: StorageSubject, env: Environment, mode: Mode, session: string): Promise<StorageDriver> {
  const driver = await subject.plugin.open(env.context(session), subject.options);
  return mode === 'proxied' ? loopback('storage', driver) : driver;
}

export function layerId(name: string): LayerId {
  return name as LayerId; // the engine's choice, and here we are the engine
}

export function diffIdOf(tar: Buffer): DiffID {
  return parseDiffID(`sha256:${createHash('sha256').update(tar).digest('hex')}`);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items);
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collect(chunks));
}

/** Promise G1: rejects, with a `GantryError` of that kind. */
export async function rejects(kind: ErrorKind | readonly ErrorKind[], promise: Promise<unknown>, what: string): Promise<void> {
  const kinds: readonly string[] = [kind].flat();
  const outcome = await promise.then(
    () => 'it resolved',
    (e: unknown) => (isGantryError(e) ? e.kind : `it threw ${e instanceof Error ? `${e.name}: ${e.message}` : String(e)}, which is no GantryError`),
  );
  assert.ok(kinds.includes(outcome), `${what}: expected a GantryError of kind ${kinds.join(' or ')}, but ${kinds.includes(outcome) ? '' : outcome}`);
}

/** The first `next()` of an iterable, as a promise. */
export async function firstOf(items: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of items) return item;
  return undefined;
}

export const dir = (name: string, o: Partial<RawEntry> = {}): RawEntry => ({ name: `${name}/`, type: 'dir', ...o });
export const file = (name: string, data: string | Buffer = '', o: Partial<RawEntry> = {}): RawEntry => ({ name, type: 'file', data, ...o });
export const symlink = (name: string, link: string): RawEntry => ({ name, type: 'symlink', link });
export const hardlink = (name: string, link: string): RawEntry => ({ name, type: 'hardlink', link });
/** OCI image spec, "Whiteouts". */
export const whiteout = (name: string): RawEntry => file(name.replace(/[^/]*$/, '.wh.$&'));
/** OCI image spec, "Opaque Whiteout". */
export const opaque = (name: string): RawEntry => file(`${name}/.wh..wh..opq`);
