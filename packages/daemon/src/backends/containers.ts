import type { AttachedStreams, AttachQuery, ContainersBackend, LogLine, LogStream, LogsQuery } from '@gantry/api';
import type { ContainerConfig, Engine } from '@gantry/engine';
import { toInspect, toSummary } from '../wire/container.ts';
import { toSelection } from '../wire/container-filters.ts';
import { toCreateContainer } from '../wire/create.ts';
import { fromNanos } from '../wire/time.ts';

/**
 * Standard input whose end is no end of the process's: another client may still come, since the container keeps it open.
 */
function keptOpen(stdin: WritableStream<Uint8Array>): WritableStream<Uint8Array> {
  const writer = stdin.getWriter();
  return new WritableStream({
    write: (chunk) => writer.write(chunk),
    close: () => writer.abort(),
    abort: (reason) => writer.abort(reason),
  });
}

/** From the engine's memory: inspect would ask drivers for what is not needed here. @throws GantryError notFound */
async function configOf({ containers }: Engine, ref: string): Promise<ContainerConfig> {
  const id = await containers.find(ref);
  const [found] = await containers.list({ all: true, filter: { ids: [id] } });
  // It may have been removed in between.
  return found?.config ?? (await containers.inspect(ref)).config;
}

async function attach(engine: Engine, id: string, query: AttachQuery): Promise<AttachedStreams> {
  const { stream, ...wanted } = query;
  const streams = await engine.containers.attach(id, { ...wanted, follow: stream });
  if (streams.stdin === undefined) return streams;
  const { stdinOnce, terminal } = await configOf(engine, id);
  return stdinOnce && !terminal ? streams : { ...streams, stdin: keptOpen(streams.stdin) };
}

async function logs(engine: Engine, id: string, query: LogsQuery): Promise<LogStream> {
  const { since, until, ...rest } = query;
  const { terminal } = await configOf(engine, id);
  const entries = engine.containers.logs(id, {
    ...rest,
    ...(since === undefined ? {} : { since: fromNanos(since) }),
    ...(until === undefined ? {} : { until: fromNanos(until) }),
  });
  const lines = (async function* (): AsyncGenerator<LogLine, void, undefined> {
    for await (const { at, fd, line } of entries) yield { at, fd, data: line };
  })();
  return { terminal, lines };
}

export function containersBackend(engine: Engine): ContainersBackend {
  const { containers } = engine;
  return {
    list: async (query) => {
      const selection = toSelection(query);
      const now = Date.now();
      return selection.select(await containers.list(selection.query)).map((container) => toSummary(container, engine.id, now));
    },
    create: async (call) => {
      const { id, warnings } = await containers.create(toCreateContainer(call));
      return { Id: id, Warnings: warnings };
    },
    inspect: async (id, o) => toInspect(await containers.inspect(id, o), engine.id),
    // A change that has begun is carried through, so none of these gets its client's signal.
    start: (id) => containers.start(id),
    stop: (id, { signal, timeout }) => containers.stop(id, { stopSignal: signal, timeout }),
    restart: (id, { signal, timeout }) => containers.restart(id, { stopSignal: signal, timeout }),
    kill: (id, signal) => containers.kill(id, signal),
    pause: (id) => containers.pause(id),
    unpause: (id) => containers.unpause(id),
    rename: (id, name) => containers.rename(id, name),
    resize: (id, size) => containers.resize(id, size),
    wait: async (id, query) => {
      const { exitCode, error } = await containers.wait(id, query);
      return { StatusCode: exitCode, ...(error === undefined ? {} : { Error: { Message: error } }) };
    },
    remove: (id, o) => containers.remove(id, o),
    attach: (id, query) => attach(engine, id, query),
    logs: (id, query) => logs(engine, id, query),
  };
}
