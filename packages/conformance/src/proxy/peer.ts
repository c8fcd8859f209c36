import type { MessagePort } from 'node:worker_threads';
import { fromJson, GantryError, toJson } from '@gantry/errors';
import { decode, encode, type Reference, type References } from './codec.ts';
import { root, type Encoded, type Message } from './wire.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: GantryError) => void;
}

/** Serves the driver's methods: `undefined` on the side that only calls. */
export type Serve = (method: string, args: readonly unknown[]) => unknown;

/** One end of a port; both ends are alike, since a caller serves too: its streams, callbacks and signals. */
export class Peer implements References {
  readonly #port: MessagePort;
  readonly #serve: Serve | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #references = new Map<number, Reference>();
  readonly #signals = new Map<number, AbortController>();
  #next = root + 1;
  #closed = false;

  constructor(port: MessagePort, serve?: Serve) {
    this.#port = port;
    this.#serve = serve;
    port.on('message', (message: Message) => void this.#take(message));
    port.on('close', () => this.close());
  }

  /**
   * Calls a method of the other side's driver. References among the arguments live as long as the call, or, if its answer
   * has references itself, as long as the port.
   */
  async invoke(method: string, args: readonly unknown[]): Promise<unknown> {
    const { encoded, made } = this.#encode(args);
    const answer = await this.#ask(root, method, encoded).catch((e: unknown) => {
      this.#free(made);
      throw e;
    });
    if (!refers(answer)) this.#free(made);
    return decode(answer, this);
  }

  /** Calls a method that yields, when somebody starts to pull: as a generator in the same process would. */
  async *pull(method: string, args: readonly unknown[]): AsyncGenerator<unknown, void, undefined> {
    const { encoded, made } = this.#encode(args);
    try {
      const answer = await this.#ask(root, method, encoded);
      if (answer[0] !== 'iterable') throw new GantryError('internal', 'not-plain-data', `${method}() did not answer by an iterable`);
      yield* this.iterable(answer[1]);
    } finally {
      this.#free(made);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    for (const { reject } of this.#pending.values()) reject(new GantryError('unavailable', 'proxy-closed', 'the process of the driver is gone'));
    this.#pending.clear();
    this.#free([...this.#references.keys()]);
  }

  refer(reference: Omit<Extract<Reference, { kind: 'signal' }>, 'forget'> | Exclude<Reference, { kind: 'signal' }>): number {
    const ref = this.#next++;
    if (reference.kind !== 'signal') {
      this.#references.set(ref, reference);
      return ref;
    }
    const { signal } = reference;
    const tell = (): void => this.#send({ type: 'abort', on: ref });
    signal.addEventListener('abort', tell, { once: true });
    this.#references.set(ref, { kind: 'signal', signal, forget: () => signal.removeEventListener('abort', tell) });
    return ref;
  }

  signal(ref: number, aborted: boolean): AbortSignal {
    const controller = new AbortController();
    if (aborted) controller.abort();
    this.#signals.set(ref, controller);
    return controller.signal;
  }

  fn(ref: number): (...args: unknown[]) => void {
    return (...args) => this.#send({ type: 'call', on: ref, args: args.map((arg) => encode(arg, this)) });
  }

  /** One item at a time, so the producer never runs ahead. Not a generator: its `return()` must not wait for a `next()` that never comes. */
  iterable(ref: number): AsyncIterableIterator<unknown> {
    const end = { done: true, value: undefined } as const;
    let ended = false;
    const iterator: AsyncIterableIterator<unknown> = {
      [Symbol.asyncIterator]: () => iterator,
      next: async () => {
        if (ended) return end;
        try {
          const item = await this.#ask(ref, 'next', []);
          if (item[0] === 'array' && item[1][0] !== undefined) return { done: false, value: decode(item[1][0], this) };
        } catch (e) {
          ended = true;
          throw e;
        }
        ended = true;
        return end;
      },
      return: async () => {
        if (!ended && !this.#closed) {
          ended = true;
          await this.#ask(ref, 'return', []);
        }
        return end;
      },
    };
    return iterator;
  }

  writable(ref: number): WritableStream<unknown> {
    return new WritableStream({
      write: (chunk) => this.#tell(ref, 'write', [encode(chunk, this)]),
      close: () => this.#tell(ref, 'close', []),
      abort: () => this.#tell(ref, 'abort', []),
    });
  }

  dispose(ref: number): () => Promise<void> {
    return () => this.#tell(ref, 'dispose', []);
  }

  async #take(message: Message): Promise<void> {
    switch (message.type) {
      case 'invoke':
        this.#send(await this.#answer(message.id, message.on, message.op, message.args));
        break;
      case 'answer': {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if ('ok' in message) pending?.resolve(message.ok);
        else pending?.reject(fromJson(message.error));
        break;
      }
      case 'call': {
        const reference = this.#references.get(message.on);
        if (reference?.kind === 'function') reference.fn(...message.args.map((arg) => decode(arg, this)));
        break;
      }
      case 'abort':
        this.#signals.get(message.on)?.abort();
        break;
      case 'free':
        for (const ref of message.refs) this.#signals.delete(ref);
    }
  }

  async #answer(id: number, on: number, op: string, args: readonly Encoded[]): Promise<Message> {
    try {
      const decoded = args.map((arg) => decode(arg, this));
      const result = on === root ? await this.#serve?.(op, decoded) : await this.#operate(on, op, decoded);
      return { type: 'answer', id, ok: encode(result, this) };
    } catch (e) {
      return { type: 'answer', id, error: toJson(e) };
    }
  }

  async #operate(on: number, op: string, args: readonly unknown[]): Promise<unknown> {
    const reference = this.#references.get(on);
    switch (reference?.kind) {
      case 'iterable':
        return await this.#pull(on, reference.iterator, op);
      case 'writable':
        if (op === 'write') await reference.writer.write(args[0]);
        else if (op === 'close') await reference.writer.close();
        else await reference.writer.abort();
        if (op !== 'write') this.#references.delete(on);
        return undefined;
      case 'disposable':
        await reference.object[Symbol.asyncDispose]();
        return undefined;
      case 'function':
      case 'signal':
      case undefined:
        throw new GantryError('internal', 'proxy-reference-lost', `there is nothing to ${op} at ${on}`);
    }
  }

  /** `[item]`, or `[]` at the end. */
  async #pull(on: number, iterator: AsyncIterator<unknown>, op: string): Promise<unknown[]> {
    if (op === 'return') {
      this.#references.delete(on);
      await iterator.return?.();
      return [];
    }
    try {
      const item = await iterator.next();
      if (item.done !== true) return [item.value];
      this.#references.delete(on);
      return [];
    } catch (e) {
      this.#references.delete(on);
      throw e;
    }
  }

  #encode(args: readonly unknown[]): { readonly encoded: readonly Encoded[]; readonly made: readonly number[] } {
    const before = this.#next;
    const encoded = args.map((arg) => encode(arg, this));
    return { encoded, made: Array.from({ length: this.#next - before }, (_, i) => before + i) };
  }

  #ask(on: number, op: string, args: readonly Encoded[]): Promise<Encoded> {
    if (this.#closed) return Promise.reject(new GantryError('unavailable', 'proxy-closed', 'the process of the driver is gone'));
    const id = this.#next++;
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ type: 'invoke', id, on, op, args });
    }) as Promise<Encoded>; // only answers resolve it
  }

  async #tell(on: number, op: string, args: readonly Encoded[]): Promise<void> {
    await this.#ask(on, op, args);
  }

  #free(refs: readonly number[]): void {
    const signals = refs.filter((ref) => {
      const reference = this.#references.get(ref);
      if (reference?.kind === 'signal') reference.forget();
      this.#references.delete(ref);
      return reference?.kind === 'signal';
    });
    if (signals.length > 0) this.#send({ type: 'free', refs: signals });
  }

  #send(message: Message): void {
    if (!this.#closed) this.#port.postMessage(message);
  }
}

function refers(encoded: Encoded): boolean {
  switch (encoded[0]) {
    case 'value':
      return false;
    case 'array':
      return encoded[1].some(refers);
    case 'object':
      return encoded[1].some(([, field]) => refers(field));
    default:
      return true;
  }
}
