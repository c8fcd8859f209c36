import type { IncomingMessage } from 'node:http';
import { GantryError } from '@gantry/errors';
import { aborted, connectionError, Stalled } from './connection-error.ts';

/** A body that is given up is read away within these bounds, so that its connection can be used again. */
const drainBytes = 64 * 1024;
const drainMs = 1000;

/** One response. Its body is either read (`chunks`, `bytes`) or given up (`discard`), once. */
export class HttpResponse {
  readonly status: number;
  readonly url: URL;
  /** A redirect led to another origin: nothing that answers here may see a secret. */
  readonly crossed: boolean;
  readonly #message: IncomingMessage;
  readonly #isHead: boolean;
  readonly #idleMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(message: IncomingMessage, o: { url: URL; isHead: boolean; crossed: boolean; idleMs: number; signal: AbortSignal | undefined }) {
    this.status = message.statusCode ?? 0;
    this.url = o.url;
    this.crossed = o.crossed;
    this.#message = message;
    this.#isHead = o.isHead;
    this.#idleMs = o.idleMs;
    this.#signal = o.signal;
    // A message that is given up may still fail: nobody is left to be told.
    message.on('error', () => undefined);
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Each value of a header that may stand several times. */
  headerValues(name: string): readonly string[] {
    return this.#message.headersDistinct[name] ?? [];
  }

  /** `Content-Length`, where there is a sound one. */
  get length(): number | undefined {
    const text = this.header('content-length') ?? '';
    const length = Number(text);
    return /^\d+$/.test(text) && Number.isSafeInteger(length) ? length : undefined;
  }

  /** Media type of the body: lower case, without parameters; '' if the response names none. */
  get mediaType(): string {
    return (this.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  }

  /**
   * The body as it is on the wire: no content coding is undone. Waits at most the idle time for each chunk; time that
   * the consumer takes does not count. Each chunk is its consumer's.
   * @throws GantryError aborted, timeout `connection-timeout`, unavailable `connection-lost`.
   */
  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    let isWaiting = true;
    const timer = setTimeout(() => {
      if (isWaiting) this.#message.destroy(new Stalled(this.#idleMs));
      else timer.refresh();
    }, this.#idleMs);
    const stop = (): unknown => this.#message.destroy();
    this.#signal?.addEventListener('abort', stop, { once: true });
    try {
      this.#signal?.throwIfAborted();
      const body: AsyncIterable<Buffer> = this.#message;
      for await (const chunk of body) {
        isWaiting = false;
        yield chunk;
        isWaiting = true;
        timer.refresh();
      }
    } catch (error) {
      throw this.#signal?.aborted === true ? aborted(this.#signal) : connectionError(error, this.url, null);
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener('abort', stop);
    }
  }

  /** The whole body. @throws GantryError exhausted `response-too-large` as soon as it is known; as `chunks()`. */
  async bytes(max: number): Promise<Buffer> {
    if (!this.#isHead && (this.length ?? 0) > max) {
      await this.discard();
      throw this.#tooLarge(max);
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > max) throw this.#tooLarge(max);
      parts.push(chunk);
    }
    return Buffer.concat(parts, size);
  }

  /** Gives the body up. Resolved: if it was a short one, its connection is free for the next request. */
  async discard(): Promise<void> {
    const message = this.#message;
    if (message.readableEnded || message.destroyed) return;
    if (!this.#isHead && (this.length === undefined || this.length > drainBytes)) {
      message.destroy();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => message.destroy(), drainMs);
    for (const event of ['end', 'close', 'error']) message.once(event, () => resolve(undefined));
    message.resume();
    await promise;
    clearTimeout(timer);
  }

  #tooLarge(max: number): GantryError {
    return new GantryError('exhausted', 'response-too-large', `${this.url.host} sent more than the ${max} bytes that are allowed for this`, { details: { host: this.url.host, max } });
  }
}
