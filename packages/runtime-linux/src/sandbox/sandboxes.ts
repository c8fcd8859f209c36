import { isDeepStrictEqual } from 'node:util';
import type { DriverContext, Sandbox, SandboxRequest } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { CgroupTree } from '../cgroup/tree.ts';
import { badField, cString } from '../plan/field.ts';
import { sysctls } from '../plan/sysctls.ts';
import { checkSignal } from '../state/deadline.ts';
import { checkId } from '../state/ids.ts';
import type { RecordFolder } from '../state/record-folder.ts';
import type { SandboxRecord } from '../state/records.ts';
import { ownNamespaces, sandboxNamespaces } from './namespaces.ts';
import type { Slot, Slots } from './slots.ts';

/** A sandbox that is open. */
export interface OpenSandbox {
  readonly id: string;
  readonly request: SandboxRequest;
  /** The key of its slot. */
  readonly slot: string;
  readonly cgroup: string;
  /** Takes its slot for a container; absent: the slot has had one, or the attempt to make one. */
  readonly claim?: () => Slot;
  /** Making a container in the slot failed. */
  spoil(): Promise<void>;
}

/** Opens and closes sandboxes; the locks are its caller's. */
export class Sandboxes {
  readonly #context: DriverContext;
  readonly #slots: Slots;
  readonly #tree: CgroupTree;
  readonly #records: RecordFolder<SandboxRecord>;
  readonly #open = new Map<string, SandboxRecord>();
  /** Slots in which no container was made, as far as this process knows. */
  readonly #fresh = new Map<string, Slot>();
  /** Sandboxes whose slots have had a container. */
  readonly #used = new Set<string>();

  constructor(context: DriverContext, slots: Slots, tree: CgroupTree, records: RecordFolder<SandboxRecord>, open: readonly SandboxRecord[]) {
    this.#context = context;
    this.#slots = slots;
    this.#tree = tree;
    this.#records = records;
    for (const record of open) this.#open.set(record.id, record);
  }

  /** Slots that are claimed. */
  get slots(): ReadonlySet<string> {
    return new Set([...this.#open.values()].map(({ slot }) => slot));
  }

  get size(): number {
    return this.#open.size;
  }

  /** See `Runtime.openSandbox`. */
  async open(request: SandboxRequest, signal: AbortSignal | undefined): Promise<Sandbox> {
    const namespaces = check(request);
    checkSignal(signal);
    const known = this.#open.get(request.id);
    if (known?.bootId === this.#context.bootId) {
      if (isDeepStrictEqual(plain(known.request), plain(request))) return this.#sandbox(known);
      throw new GantryError('conflict', 'sandbox-exists', `There is a sandbox ${request.id} already, and it was asked for differently: close it first`, { details: { id: request.id } });
    }
    await this.close(request.id); // of a boot that is over: there is nothing behind it any more
    const cgroup = this.#tree.path(request.id, request.cgroupParent);
    const slot = await this.#slots.make({ key: this.#slots.newKey(), namespaces, join: {}, cgroup });
    const record: SandboxRecord = { id: request.id, bootId: this.#context.bootId, slot: slot.record.key, request };
    try {
      await this.#records.set(record);
    } catch (error) {
      await this.#slots.discard(slot.record.key, slot.keeper);
      throw error;
    }
    this.#open.set(record.id, record);
    this.#fresh.set(record.id, slot);
    return this.#sandbox(record);
  }

  /** @throws `GantryError` notFound `sandbox-not-found` */
  async get(id: string): Promise<OpenSandbox> {
    const record = this.#open.get(id);
    if (record?.bootId !== this.#context.bootId) {
      throw new GantryError('notFound', 'sandbox-not-found', `There is no open sandbox ${id}: open it first`, { details: { id } });
    }
    const slot = await this.#freeSlot(record);
    return {
      id,
      request: record.request,
      slot: record.slot,
      cgroup: this.#cgroup(record),
      ...(slot === undefined
        ? {}
        : {
            claim: () => {
              this.#fresh.delete(id);
              this.#used.add(id);
              return slot;
            },
          }),
      spoil: () => this.#spoil(record),
    };
  }

  /** Absent is fine. The caller knows that no container is inside. */
  async close(id: string): Promise<void> {
    const record = this.#open.get(id);
    if (record === undefined) return;
    const slot = this.#fresh.get(id);
    await this.#slots.discard(record.slot, slot?.keeper);
    await this.#records.delete(id);
    this.#fresh.delete(id);
    this.#used.delete(id);
    this.#open.delete(id);
  }

  /** Closes connections; sandboxes go on. */
  async dispose(): Promise<void> {
    for (const { keeper } of this.#fresh.values()) await keeper[Symbol.asyncDispose]();
    this.#fresh.clear();
  }

  #sandbox({ id, slot, request }: SandboxRecord): Sandbox {
    const names = sandboxNamespaces(request).filter((name) => name === 'net' || name === 'ipc' || name === 'uts');
    return { id, namespaces: Object.fromEntries(names.map((name) => [name, this.#slots.pin(slot, name)])) };
  }

  async #spoil(record: SandboxRecord): Promise<void> {
    const spoilt: SandboxRecord = { ...record, spoilt: true };
    this.#open.set(record.id, spoilt);
    await this.#records.set(spoilt);
  }

  #cgroup({ id, request }: SandboxRecord): string {
    return this.#tree.path(id, request.cgroupParent);
  }

  /** Its slot, if no container was made in it; after a restart the keeper has to be asked. */
  async #freeSlot(record: SandboxRecord): Promise<Slot | undefined> {
    const { id } = record;
    const fresh = this.#fresh.get(id);
    if (fresh !== undefined || this.#used.has(id) || record.spoilt === true) return fresh;
    const keeper = await this.#slots.connect(record.slot);
    if (keeper === undefined) throw new GantryError('unavailable', 'sandbox-lost', `The keeper of sandbox ${id} is gone: close the sandbox and open it again`, { details: { id } });
    if ((await keeper.state()).status !== 'empty') {
      await keeper[Symbol.asyncDispose]();
      this.#used.add(id);
      return undefined;
    }
    const slot = { record: { key: record.slot, cgroup: this.#cgroup(record) }, keeper };
    this.#fresh.set(id, slot);
    return slot;
  }
}

/** Everything that can be known to be wrong before anything is made. */
function check(request: SandboxRequest): ReturnType<typeof sandboxNamespaces> {
  checkId(request.id, 'sandbox');
  const namespaces = sandboxNamespaces(request);
  const own = ownNamespaces(namespaces);
  sysctls(request.sysctls, own, 'sysctls');
  if (request.hostname !== undefined) {
    if (!own.has('uts')) throw badField('hostname', 'needs a uts namespace of the sandbox\'s own', request.hostname);
    if (Buffer.byteLength(cString(request.hostname, 'hostname')) > 64) throw badField('hostname', 'is longer than 64 bytes', request.hostname);
  }
  if (request.resolver !== undefined) throw new GantryError('notImplemented', 'resolver-unsupported', 'This runtime has no resolver inside sandboxes: use a network that needs none');
  return namespaces;
}

/** Requests that mean the same are equal: order and double names of namespaces, and absent fields, mean nothing. */
function plain(request: SandboxRequest): object {
  return { ...request, namespaces: [...new Set(request.namespaces)].sort(), hostname: request.hostname ?? null, cgroupParent: request.cgroupParent ?? null, idmap: request.idmap ?? null, resolver: request.resolver ?? null };
}
