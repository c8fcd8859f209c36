import type { Attached, Runtime } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import type { ContainerStreams } from '../types/index.ts';
import { deferred, type Deferred } from '../util/deferred.ts';
import { DetachKeys } from './detach-keys.ts';

/** Bytes that a client which must not stall the container may be behind. */
const bufferBytes = 8 * 1024 * 1024;

export interface AttachmentOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly terminal: boolean;
  readonly lossless: boolean;
  /** Bytes on standard input that mean: let go of it. Undefined: none do. */
  readonly detachKeys: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A client of a container's streams, perhaps before there are any. */
export class PendingAttachment {
  readonly options: AttachmentOptions;
  /** Null: there will be none, because the start failed or the client left. */
  readonly #source: Deferred<Attached | null> = deferred<Attached | null>();
  readonly #onGone: (how: 'detached' | 'left') => void;
  #gone = false;

  constructor(options: AttachmentOptions, onGone: (how: 'detached' | 'left') => void) {
    this.options = options;
    this.#onGone = onGone;
    options.signal?.addEventListener('abort', () => void this.leave('left'), { once: true });
  }

  /**
   * Between the container's creation in the runtime and its start, so that nothing is missed; or while it runs. To one that
   * ends at this moment there is nothing to connect.
   */
  async connect(runtime: Runtime, id: string, execId?: string): Promise<void> {
    if (this.#gone) return;
    const attached = await this.#attach(runtime, id, execId);
    if (this.#isGone()) await attached?.[Symbol.asyncDispose]();
    else this.#source.resolve(attached);
  }

  async #attach(runtime: Runtime, id: string, execId: string | undefined): Promise<Attached | null> {
    const { stdin, lossless } = this.options;
    try {
      return await runtime.attach(id, { stdin, lossless, bufferBytes, ...(execId === undefined ? {} : { execId }) });
    } catch (error) {
      if (isGantryError(error) && (error.kind === 'conflict' || error.kind === 'notFound')) return null;
      throw error;
    }
  }

  /** There is nothing to connect to: the output ends at once. */
  giveUp(): void {
    this.#source.resolve(null);
  }

  fail(error: unknown): void {
    this.#source.reject(error);
  }

  /** A method, since another call may set it while this one waits. */
  #isGone(): boolean {
    return this.#gone;
  }

  async leave(how: 'detached' | 'left'): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    this.#source.resolve(null); // has no effect if it is connected
    this.#onGone(how);
    const attached = await this.#source.promise.catch(() => null);
    await attached?.[Symbol.asyncDispose]();
  }

  streams(): ContainerStreams {
    const { stdin, terminal } = this.options;
    return {
      terminal,
      ...(stdin ? { stdin: this.#stdin() } : {}),
      output: this.#output(),
      [Symbol.asyncDispose]: () => this.leave('left'),
    };
  }

  async *#output(): AsyncGenerator<{ readonly fd: 1 | 2; readonly data: Uint8Array }, undefined, undefined> {
    const { stdout, stderr } = this.options;
    try {
      const attached = await this.#source.promise;
      if (attached === null) return undefined;
      for await (const chunk of attached.output) {
        if (this.#isGone()) return undefined;
        if (chunk.fd === 1 ? stdout : stderr) yield chunk;
      }
      return undefined;
    } finally {
      await this.leave('left');
    }
  }

  #stdin(): WritableStream<Uint8Array> {
    const keys = this.options.detachKeys === undefined ? undefined : new DetachKeys(this.options.detachKeys);
    let writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
    const target = async (): Promise<WritableStreamDefaultWriter<Uint8Array> | undefined> => {
      const attached = await this.#source.promise;
      return (writer ??= attached?.stdin?.getWriter());
    };
    return new WritableStream<Uint8Array>({
      write: async (chunk) => {
        const { data, detach } = keys === undefined ? { data: chunk, detach: false } : keys.feed(chunk);
        if (data.length > 0) await (await target())?.write(data);
        if (detach) await this.leave('detached');
      },
      close: async () => {
        const rest = keys?.flush();
        const to = await target();
        if (rest !== undefined && rest.length > 0) await to?.write(rest);
        await to?.close();
      },
      // A client that breaks off lets go of standard input, without ending it: others may hold it too.
      abort: () => writer?.releaseLock(),
    });
  }
}
