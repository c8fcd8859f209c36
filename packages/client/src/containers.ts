import type {
  ContainerCreateRequest, ContainerCreateResponse, ContainerInspectResponse, ContainerSummary, ContainerWaitResponse, WaitCondition,
} from '@gantry/api-types';
import { isGantryError } from '@gantry/errors';
import { segment, type CallOptions, type HttpApi } from './http-api.ts';
import { attachedStreams, raw, type AttachedStreams } from './output-stream.ts';
import { demultiplex, type Output } from './stdcopy.ts';
import { encodeFilters, pick, type Filters } from './system.ts';

export interface Framing {
  /**
   * Whether the container has a terminal, whose output is not framed. Absent: by the response's media type, which engines
   * below API 1.42 do not tell.
   */
  readonly tty?: boolean;
}

export interface AttachOptions extends CallOptions, Framing {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Replays what was logged before. */
  readonly logs?: boolean;
  /** As in `ctrl-p,ctrl-q`. */
  readonly detachKeys?: string;
}

export interface LogOptions extends CallOptions, Framing {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  /** A number of lines, or `all`. */
  readonly tail?: string;
  /** Unix seconds (with a fraction) or RFC 3339. */
  readonly since?: string;
  readonly until?: string;
}

export class Containers {
  readonly #http: HttpApi;

  constructor(http: HttpApi) {
    this.#http = http;
  }

  create(body: ContainerCreateRequest, o: CallOptions & { readonly name?: string; readonly platform?: string } = {}): Promise<ContainerCreateResponse> {
    return this.#http.json('POST', '/containers/create', { query: { name: o.name, platform: o.platform }, json: body, ...pick(o) });
  }

  start(id: string, o: CallOptions = {}): Promise<void> {
    return this.#http.ok('POST', `/containers/${segment(id)}/start`, o);
  }

  /** `timeout` in seconds; -1 waits without end. */
  stop(id: string, o: CallOptions & { readonly stopSignal?: string; readonly timeout?: number } = {}): Promise<void> {
    return this.#ignoreNotModified(this.#http.ok('POST', `/containers/${segment(id)}/stop`, { query: { signal: o.stopSignal, t: o.timeout }, ...pick(o) }));
  }

  kill(id: string, o: CallOptions & { readonly killSignal?: string } = {}): Promise<void> {
    return this.#http.ok('POST', `/containers/${segment(id)}/kill`, { query: { signal: o.killSignal }, ...pick(o) });
  }

  /** The promise of `exit` settles when the condition holds; this one, once the engine waits (so that a start cannot slip by). */
  async wait(id: string, condition: WaitCondition, o: CallOptions = {}): Promise<{ readonly exit: Promise<ContainerWaitResponse> }> {
    const response = await this.#http.send('POST', `/containers/${segment(id)}/wait`, { query: { condition }, ...pick(o) });
    const exit = (async (): Promise<ContainerWaitResponse> => {
      const chunks: Buffer[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      return JSON.parse(Buffer.concat(chunks).toString()) as ContainerWaitResponse;
    })();
    // Whoever asked may never look at it; that is no reason to end a process.
    exit.catch(() => undefined);
    return { exit };
  }

  async attach(id: string, o: AttachOptions = {}): Promise<AttachedStreams> {
    const query = { stream: true, stdin: o.stdin, stdout: o.stdout, stderr: o.stderr, logs: o.logs, detachKeys: o.detachKeys };
    const { connection, mediaType } = await this.#http.hijack(`/containers/${segment(id)}/attach`, { query, ...pick(o) });
    return attachedStreams(connection, isFramed(o, mediaType));
  }

  async *logs(id: string, o: LogOptions = {}): AsyncGenerator<Output, void, undefined> {
    const query = { stdout: o.stdout, stderr: o.stderr, follow: o.follow, timestamps: o.timestamps, tail: o.tail, since: o.since, until: o.until };
    const response = await this.#http.send('GET', `/containers/${segment(id)}/logs`, { query, ...pick(o) });
    yield* isFramed(o, response.headers.get('content-type')) ? demultiplex(response.body) : raw(response.body);
  }

  resize(id: string, size: { readonly rows: number; readonly cols: number }, o: CallOptions = {}): Promise<void> {
    return this.#http.ok('POST', `/containers/${segment(id)}/resize`, { query: { h: size.rows, w: size.cols }, ...pick(o) });
  }

  list(o: CallOptions & { readonly all?: boolean; readonly limit?: number; readonly size?: boolean; readonly filters?: Filters } = {}): Promise<readonly ContainerSummary[]> {
    return this.#http.json('GET', '/containers/json', { query: { all: o.all, limit: o.limit, size: o.size, filters: encodeFilters(o.filters) }, ...pick(o) });
  }

  inspect(id: string, o: CallOptions & { readonly size?: boolean } = {}): Promise<ContainerInspectResponse> {
    return this.#http.json('GET', `/containers/${segment(id)}/json`, { query: { size: o.size }, ...pick(o) });
  }

  remove(id: string, o: CallOptions & { readonly force?: boolean; readonly volumes?: boolean } = {}): Promise<void> {
    return this.#http.ok('DELETE', `/containers/${segment(id)}`, { query: { force: o.force, v: o.volumes }, ...pick(o) });
  }

  /** Stopping what is stopped changes nothing, and is what was wanted. */
  async #ignoreNotModified(call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!isGantryError(error) || error.kind !== 'notModified') throw error;
    }
  }
}

function isFramed({ tty }: Framing, mediaType: string | undefined): boolean {
  return tty === undefined ? mediaType !== 'application/vnd.docker.raw-stream' : !tty;
}
