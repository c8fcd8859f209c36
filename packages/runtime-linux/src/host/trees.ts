import { isDeepStrictEqual } from 'node:util';
import type { IdMap, Mount } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { openFsSession, type FsMount, type FsSession, type NativeEndpoint } from '@gantry/linux';
import type { TreeTarget } from '@gantry/archive';
import { badField } from '../plan/field.ts';

/** How a tree was asked for. */
export interface TreeRequest {
  readonly root: string;
  readonly mounts: Mount[];
  readonly idmap?: IdMap;
  readonly readOnly?: boolean;
}

/** An open tree: its process, and what other processes need to open the same one. */
export interface OpenTree {
  readonly request: TreeRequest;
  readonly session: FsSession;
  readonly mounts: readonly FsMount[];
}

const maxTrees = 1024;

/** The trees of one session by key, each with one process that ends with its connection. */
export class Trees {
  readonly #endpoint: NativeEndpoint;
  readonly #trees = new Map<string, Promise<OpenTree>>();

  constructor(endpoint: NativeEndpoint) {
    this.#endpoint = endpoint;
  }

  get size(): number {
    return this.#trees.size;
  }

  /** @throws `GantryError` conflict `tree-exists`; exhausted `too-many-trees`; notFound: the root */
  async open(key: string, request: TreeRequest, signal: AbortSignal | undefined): Promise<void> {
    const known = this.#trees.get(key);
    if (known !== undefined) {
      if (isDeepStrictEqual((await known).request, request)) return;
      throw new GantryError('conflict', 'tree-exists', `There is an open tree ${key} already, of another kind: close it first`, { details: { key } });
    }
    if (this.#trees.size >= maxTrees) throw new GantryError('exhausted', 'too-many-trees', `There are ${maxTrees} open trees: close some first`);
    const opening = this.#open(request, signal);
    this.#trees.set(key, opening);
    try {
      await opening;
    } catch (error) {
      if (this.#trees.get(key) === opening) this.#trees.delete(key);
      throw error;
    }
  }

  /** @throws `GantryError` notFound `tree-not-found` */
  get(key: string): Promise<OpenTree> {
    const tree = this.#trees.get(key);
    if (tree === undefined) throw new GantryError('notFound', 'tree-not-found', `There is no open tree ${key}: open it first`, { details: { key } });
    return tree;
  }

  /** What a worker thread needs to open the same tree. */
  target({ request, mounts }: OpenTree): TreeTarget {
    const { root, idmap } = request;
    return { native: this.#endpoint, root, mounts, ...(idmap === undefined ? {} : { idmap }) };
  }

  /** Absent is fine. */
  async close(key: string): Promise<void> {
    const tree = this.#trees.get(key);
    if (tree === undefined) return;
    this.#trees.delete(key);
    const { session } = await tree;
    await session[Symbol.asyncDispose]();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#trees.keys()].map((key) => this.close(key)));
  }

  async #open(request: TreeRequest, signal: AbortSignal | undefined): Promise<OpenTree> {
    const mounts = [...(request.root === '/' ? machineMounts : []), ...request.mounts.map(toFsMount)];
    const { root, readOnly = false, idmap } = request;
    // The signal is for opening alone: what is open ends when it is closed.
    signal?.throwIfAborted();
    const session = await openFsSession(this.#endpoint, { root, mounts, readonly: readOnly, ...(idmap === undefined ? {} : { idmap }) });
    return { request: structuredClone(request), session, mounts };
  }
}

/** A tree is one mount; of the machine's own, its devices are wanted too. */
const machineMounts: readonly FsMount[] = [{ source: '/dev', target: '/dev', readonly: true }];

const bindOptions: ReadonlySet<string> = new Set(['bind', 'rbind', 'ro', 'rro', 'rw', 'private', 'rprivate']);

function toFsMount({ type, source, target, options }: Mount, index: number): FsMount {
  const field = `mounts[${index}]`;
  if (type !== 'bind') throw badField(`${field}.type`, 'must be "bind" in a tree', type);
  if (target === undefined) throw badField(`${field}.target`, 'is missing');
  const unknown = options.find((option) => !bindOptions.has(option));
  if (unknown !== undefined) throw badField(`${field}.options`, 'has an option that a tree does not know', unknown);
  return { source, target, recursive: options.includes('rbind'), readonly: options.includes('ro') || options.includes('rro') };
}
