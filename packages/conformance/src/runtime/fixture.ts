import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { Attached, Exit, Io, LogSink, Plugin, Runtime, RuntimeEvent, SandboxRequest, State } from '@gantry/driver-api';
import { isGantryError, type ErrorKind } from '@gantry/errors';
import type { OciProcess, OciSpec } from '@gantry/oci';
import { assertProbe, Environment, type Mode } from '../harness/index.ts';
import { loopback } from '../proxy/index.ts';
import { leftOver } from './left-over.ts';
import { allNamespaces, baseSpec, program } from './spec.ts';

/** What a kit is run on. */
export interface RuntimeSubject {
  readonly plugin: Plugin<'runtime'>;
  readonly url: URL;
  readonly options: unknown;
  /** A tree with a busybox, see `busyboxRootfs`; it is never written to. */
  readonly rootfs: string;
  readonly tmp?: string | undefined;
}

/** How a container differs from the kit's usual one. */
export interface ContainerOptions {
  readonly id?: string;
  readonly token?: string;
  readonly io?: Partial<Io>;
  readonly process?: Partial<OciProcess>;
  readonly spec?: (spec: OciSpec) => OciSpec;
  readonly sandbox?: Partial<SandboxRequest>;
  readonly rootfs?: string;
}

export interface RunOptions extends ContainerOptions {
  readonly stdin?: string;
}

/** What came of a program. */
export interface Outcome {
  readonly id: string;
  readonly exit: Exit;
  readonly out: string;
  readonly err: string;
}

/** What a case works with: a driver that was just opened in an empty folder, and shorthands. */
export class RuntimeFixture implements AsyncDisposable {
  readonly subject: RuntimeSubject;
  readonly env: Environment;
  readonly mode: Mode;
  #driver: Runtime;
  #count = 0;

  private constructor(subject: RuntimeSubject, env: Environment, mode: Mode, driver: Runtime) {
    this.subject = subject;
    this.env = env;
    this.mode = mode;
    this.#driver = driver;
  }

  static async open(subject: RuntimeSubject, mode: Mode): Promise<RuntimeFixture> {
    const env = await Environment.create(subject.tmp);
    try {
      await assertProbe(subject.plugin, env.context('one'), subject.options);
      return new RuntimeFixture(subject, env, mode, await openDriver(subject, env, mode, 'one'));
    } catch (e) {
      await env[Symbol.asyncDispose]();
      throw e;
    }
  }

  get driver(): Runtime {
    return this.#driver;
  }

  /** Closes the driver, as an engine that stops does, and opens it again. */
  async reopen(session = 'one'): Promise<Runtime> {
    await this.#driver[Symbol.asyncDispose]();
    return await this.reopenClosed(session);
  }

  /** Opens the driver again, which was closed, or whose process was killed. */
  async reopenClosed(session = 'one'): Promise<Runtime> {
    return (this.#driver = await openDriver(this.subject, this.env, this.mode, session));
  }

  /** A name that was not used yet. */
  name(prefix: string): string {
    return `${prefix}${this.#count++}`;
  }

  /** Opens a sandbox with namespaces of all kinds, but for what is said. */
  async sandbox(o: Partial<SandboxRequest> = {}): Promise<string> {
    const { namespaces = [...allNamespaces] } = o;
    const request: SandboxRequest = { id: this.name('s'), namespaces, sysctls: {}, ...(namespaces.includes('uts') && { hostname: 'sandbox-host' }), ...o };
    await this.#driver.openSandbox(request);
    return request.id;
  }

  /** A container that was made and not started. @param args As for `sh -c` if it is text. */
  async create(args: string | readonly string[], o: ContainerOptions = {}): Promise<string> {
    const sandbox = await this.sandbox(o.sandbox);
    const id = o.id ?? this.name('c');
    await this.createIn(sandbox, id, args, o);
    return id;
  }

  async createIn(sandbox: string, id: string, args: string | readonly string[], o: ContainerOptions = {}): Promise<State> {
    const { io = {}, process = {}, token = `token of ${id}`, rootfs = this.subject.rootfs } = o;
    const usual = baseSpec(rootfs, { ...program(args), terminal: io.terminal ?? false, ...process });
    return await this.#driver.create({ id, token, sandbox, spec: o.spec?.(usual) ?? usual, rootfs: { path: rootfs }, io: { terminal: false, stdin: false, ...io }, options: {} });
  }

  /** A container that runs. */
  async start(args: string | readonly string[], o: ContainerOptions = {}): Promise<string> {
    const id = await this.create(args, o);
    await this.#driver.start(id);
    return id;
  }

  /** Runs a program to its end; the container stays. */
  async run(args: string | readonly string[], o: RunOptions = {}): Promise<Outcome> {
    const id = await this.create(args, { ...o, io: { ...(o.stdin !== undefined && { stdin: true }), ...o.io } });
    return await this.finish(id, o.stdin === undefined ? {} : { stdin: o.stdin });
  }

  /** Attaches to what was made, starts it, and waits for its end. */
  async finish(id: string, o: { readonly stdin?: string; readonly execId?: string } = {}): Promise<Outcome> {
    const { execId, stdin } = o;
    await using attached = await this.attach(id, { stdin: stdin !== undefined, ...(execId !== undefined && { execId }) });
    await this.#driver.start(id, execId);
    const output = collectOutput(attached);
    const ended = this.#driver.wait(id, execId === undefined ? {} : { execId });
    await Promise.all([output, ended, feed(attached, stdin)]);
    const [out, err] = await output;
    return { id, exit: await ended, out, err };
  }

  /** Runs a program in a container that runs. */
  async exec(id: string, args: string | readonly string[], o: { readonly process?: Partial<OciProcess>; readonly io?: Partial<Io>; readonly stdin?: string } = {}): Promise<Outcome & { readonly execId: string }> {
    const execId = this.name('x');
    const io = { terminal: false, stdin: o.stdin !== undefined, ...o.io };
    await this.#driver.exec(id, execId, { ...program(args), terminal: io.terminal, ...o.process }, io);
    return { execId, ...(await this.finish(id, { execId, ...(o.stdin !== undefined && { stdin: o.stdin }) })) };
  }

  async attach(id: string, o: { readonly execId?: string; readonly stdin?: boolean; readonly lossless?: boolean; readonly bufferBytes?: number } = {}): Promise<Attached> {
    return await this.#driver.attach(id, { stdin: false, lossless: true, bufferBytes: 1 << 20, ...o });
  }

  /** Where a container's output can be logged to. */
  log(name: string): LogSink {
    return { format: 'json-file', path: `${this.env.root}/${name}.log`, maxBytes: 0, maxFiles: 1, attrs: {}, full: 'block', bufferBytes: 1 << 20 };
  }

  /** What was logged so far. */
  async logText(name: string, suffix = ''): Promise<string> {
    return await readFile(`${this.log(name).path}${suffix}`, 'utf8').catch(() => ''); // nothing yet
  }

  /** Takes containers and their sandboxes away, by force. */
  async clear(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const { sandbox } = await this.#driver.state(id);
      await this.#driver.delete(id, { force: true });
      await this.#driver.closeSandbox(sandbox);
    }
  }

  /** All events that are retained, without waiting for more. */
  async events(after?: string): Promise<RuntimeEvent[]> {
    const end = new AbortController();
    const seen: RuntimeEvent[] = [];
    const reading = (async () => {
      for await (const event of this.#driver.events({ signal: end.signal, ...(after !== undefined && { after }) })) seen.push(event);
    })();
    await quiet(() => seen.length);
    end.abort();
    await rejects('aborted', reading, 'events() whose signal fired');
    return seen;
  }

  /** Nothing of what the driver made is left: no mount, control group or process. */
  async nothingLeft(): Promise<void> {
    assert.deepEqual(await leftOver(this.env), [], 'something is left over');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const open = new Set<string>();
      for await (const { id, sandbox } of this.#driver.list()) {
        open.add(sandbox);
        await this.#driver.delete(id, { force: true });
      }
      for (let n = 0; n < this.#count; n++) open.add(`s${n}`);
      for (const sandbox of open) await this.#driver.closeSandbox(sandbox);
      await this.#driver[Symbol.asyncDispose]();
    } finally {
      await this.env[Symbol.asyncDispose]();
    }
  }
}

export async function openDriver(subject: RuntimeSubject, env: Environment, mode: Mode, session: string): Promise<Runtime> {
  const driver = await subject.plugin.open(env.context(session), subject.options);
  return mode === 'proxied' ? loopback('runtime', driver) : driver;
}

/** Both outputs as text, to their end. */
export async function collectOutput({ output }: Pick<Attached, 'output'>): Promise<[out: string, err: string]> {
  const chunks: Record<1 | 2, Uint8Array[]> = { 1: [], 2: [] };
  for await (const { fd, data } of output) chunks[fd].push(data);
  return [Buffer.concat(chunks[1]).toString(), Buffer.concat(chunks[2]).toString()];
}

async function feed({ stdin }: Attached, text: string | undefined): Promise<void> {
  if (text === undefined) return;
  assert.ok(stdin !== undefined, 'attach() with stdin has no stdin');
  const writer = stdin.getWriter();
  if (text !== '') await writer.write(Buffer.from(text));
  await writer.close();
}

/** Waits until a number does not change for a while. */
async function quiet(number: () => number): Promise<void> {
  let [last, since] = [number(), performance.now()];
  while (performance.now() - since < 50) {
    await delay(5);
    if (number() !== last) [last, since] = [number(), performance.now()];
  }
}

/** Waits until something holds; it is asked again and again. */
export async function eventually(what: string, holds: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const until = performance.now() + ms;
  while (!(await holds())) {
    assert.ok(performance.now() < until, `${what}: not within ${ms} ms`);
    await delay(10);
  }
}

/** Promise G1: rejects, with a `GantryError` of that kind. @returns its details */
export async function rejects(kind: ErrorKind | readonly ErrorKind[], promise: Promise<unknown>, what: string): Promise<Readonly<Record<string, unknown>>> {
  const kinds: readonly string[] = [kind].flat();
  const error: unknown = await promise.then(() => undefined, (e: unknown) => e);
  assert.ok(error !== undefined, `${what}: it resolved`);
  assert.ok(isGantryError(error), `${what}: it threw ${inspect(error)}, which is no GantryError`);
  assert.ok(kinds.includes(error.kind), `${what}: expected kind ${kinds.join(' or ')}, but it is ${error.kind}: ${error.message}`);
  return error.details;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items);
}
