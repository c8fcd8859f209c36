import type { Logger } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { printable } from '@gantry/oci';
import { Actor } from './actor.ts';
import { Container, type ContainerRow } from './container.ts';

/** Every container, in memory: look-ups and lists read it without waiting for anybody. */
export class ContainerStore {
  readonly #byId = new Map<string, Container>();
  readonly #byName = new Map<string, string>();
  readonly #deadline: number;
  readonly #log: Logger;

  constructor(deadline: number, log: Logger) {
    this.#deadline = deadline;
    this.#log = log;
  }

  add(row: ContainerRow): Container {
    const container = new Container(row, new Actor(row.id, this.#deadline, this.#log));
    this.#byId.set(row.id, container);
    this.#byName.set(row.name, row.id);
    return container;
  }

  delete(container: Container): void {
    this.#byId.delete(container.id);
    if (this.#byName.get(container.row.name) === container.id) this.#byName.delete(container.row.name);
  }

  /** Keeps a name for one id until it is added or given back. @throws GantryError conflict `name-in-use`. */
  reserve(name: string, id: string): void {
    const owner = this.#byName.get(name);
    if (owner !== undefined && owner !== id) {
      throw new GantryError('conflict', 'name-in-use', `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`, {
        details: { name, id: owner },
      });
    }
    this.#byName.set(name, id);
  }

  giveBack(name: string, id: string): void {
    if (this.#byName.get(name) === id) this.#byName.delete(name);
  }

  isNamed(name: string): boolean {
    return this.#byName.has(name);
  }

  all(): Container[] {
    return [...this.#byId.values()];
  }

  byId(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  /** By id, name, or the beginning of one id. @throws GantryError notFound `no-such-container`; invalid `ambiguous-id`. */
  find(ref: string): Container {
    const name = ref.startsWith('/') ? ref.slice(1) : ref;
    const exact = this.#byId.get(ref) ?? this.#byId.get(this.#byName.get(name) ?? '');
    if (exact !== undefined) return exact;
    const matches = /^[0-9a-f]{1,63}$/.test(ref) ? this.all().filter(({ id }) => id.startsWith(ref)) : [];
    const [first, second] = matches;
    if (first === undefined) throw new GantryError('notFound', 'no-such-container', `No such container: ${printable(ref, 256)}`, { details: { ref } });
    if (second !== undefined) throw new GantryError('invalid', 'ambiguous-id', `multiple IDs found with provided prefix: ${printable(ref, 64)}`, { details: { ref } });
    return first;
  }
}
