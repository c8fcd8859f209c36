import { GantryError } from '@gantry/errors';
import { Fields } from './fields.ts';
import { FrameConnection } from './frames.ts';
import { frameType, protocolVersions, type HelloAnswer } from './protocol.ts';
import { fromWire } from './wire-errors.ts';

/** How we name ourselves to the other side; it decides nothing. */
const ownBuild = '@gantry/linux';
/** An answer to hello that takes longer never comes. */
const helloTimeout = 10_000;

/** A request as a caller makes it: everything but its number. */
export interface RequestBody {
  readonly op: string;
  readonly [field: string]: unknown;
}

/** A connection on which both sides have said hello; nothing else was exchanged, or one request. */
export interface Dialled {
  readonly frames: FrameConnection;
  readonly hello: HelloAnswer;
}

/** Connects and says hello. With `quit`, asks a zygote of whatever version to end. */
export async function dial(path: string, instance: string, quit = false): Promise<Dialled> {
  const frames = await FrameConnection.connect(path);
  try {
    await frames.sendJson(greeting(instance, quit));
    return { frames, hello: await helloFrom(frames, path) };
  } catch (error) {
    frames.destroy();
    throw error;
  }
}

/** Connects, says hello and makes one request, in a single round trip: for connections that become something else by it. */
export async function dialWith(path: string, instance: string, request: RequestBody): Promise<Dialled & { readonly ok: Fields }> {
  const frames = await FrameConnection.connect(path);
  try {
    await Promise.all([frames.sendJson(greeting(instance, false)), frames.sendJson({ ...request, id: 1 })]);
    const hello = await helloFrom(frames, path);
    return { frames, hello, ok: result(await jsonFrame(frames, path)) };
  } catch (error) {
    frames.destroy();
    throw error;
  }
}

function greeting(instance: string, quit: boolean): object {
  return { hello: { ...protocolVersions, build: ownBuild, instance, ...(quit ? { quit } : {}) } };
}

async function helloFrom(frames: FrameConnection, path: string): Promise<HelloAnswer> {
  const timer = setTimeout(() => {
    frames.destroy();
  }, helloTimeout);
  try {
    const answer = await jsonFrame(frames, path);
    const failure = answer.optionalObject('error');
    if (failure !== undefined) throw fromWire(failure);
    const hello = answer.object('hello');
    return {
      version: hello.number('version'),
      build: hello.string('build'),
      instance: hello.string('instance'),
      role: hello.oneOf('role', ['zygote', 'keeper']),
      pid: hello.number('pid'),
    };
  } finally {
    clearTimeout(timer);
  }
}

async function jsonFrame(frames: FrameConnection, path: string): Promise<Fields> {
  const frame = await frames.receive();
  if (frame === undefined) throw new GantryError('unavailable', 'native-lost', `The process behind ${path} closed the connection`);
  if (frame.type !== frameType.json) throw new GantryError('internal', 'native-protocol', `A JSON frame was expected, not one of type ${frame.type}`);
  return Fields.parse(frame.payload);
}

function result(answer: Fields): Fields {
  const failure = answer.optionalObject('error');
  if (failure !== undefined) throw fromWire(failure);
  return answer.object('ok');
}

interface Waiting {
  readonly resolve: (ok: Fields) => void;
  readonly reject: (error: unknown) => void;
}

/** Requests and their answers over one connection, any number at a time; events besides. */
export class Rpc implements AsyncDisposable {
  readonly hello: HelloAnswer;
  /** Resolves when the connection has ended and all who waited were told. */
  readonly ended: Promise<void>;
  readonly #frames: FrameConnection;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: (event: Fields) => void;
  #next = 0;

  /** @param onEvent Called for each event, in order. */
  constructor(dialled: Dialled, onEvent: (event: Fields) => void = ignore) {
    this.hello = dialled.hello;
    this.#frames = dialled.frames;
    this.#onEvent = onEvent;
    this.ended = this.#listen();
  }

  /** @throws GantryError as the answer says; unavailable `native-lost`: the connection ended first. */
  async request(body: RequestBody): Promise<Fields> {
    this.#next = (this.#next + 1) >>> 0;
    const id = this.#next;
    const answer = new Promise<Fields>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    try {
      await this.#frames.sendJson({ ...body, id });
    } catch (error) {
      this.#waiting.delete(id);
      throw error;
    }
    return answer;
  }

  /** Closes the connection. Requests under way reject; what they ask for may happen all the same. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#frames.close();
    await this.ended;
  }

  async #listen(): Promise<void> {
    let failure: unknown = new GantryError('unavailable', 'native-lost', 'The native side closed the connection');
    try {
      for await (const frame of this.#frames) {
        if (frame.type !== frameType.json) throw new GantryError('internal', 'native-protocol', `A JSON frame was expected, not one of type ${frame.type}`);
        this.#take(Fields.parse(frame.payload));
      }
    } catch (error) {
      failure = error;
    }
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
  }

  #take(message: Fields): void {
    const id = message.optionalNumber('id');
    if (id === undefined) {
      this.#onEvent(message);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    try {
      const ok = result(message);
      waiting?.resolve(ok);
    } catch (error) {
      waiting?.reject(error);
    }
  }
}

function ignore(): void {
  // Events are told only to those who ask for them.
}
