import type { AttachedStreams, EngineClient } from '@gantry/client';
import { GantryError, isGantryError } from '@gantry/errors';
import type { Io } from '../kit/spec.ts';

export interface AttachedRun {
  readonly io: Io;
  readonly stdin: boolean;
  /** The container is removed when it ends: wait for that. */
  readonly removed: boolean;
  readonly sigProxy: boolean;
  /** What makes the program run, once everything listens. */
  start(): Promise<void>;
}

const proxied: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'];

/** Starts a container between listening and waiting, so that nothing of it is missed; returns its exit code. */
export async function attachAndWait(client: EngineClient, id: string, run: AttachedRun): Promise<number> {
  const [streams, { exit }] = await Promise.all([
    client.containers.attach(id, { tty: false, stdin: run.stdin, stdout: true, stderr: true }),
    client.containers.wait(id, run.removed ? 'removed' : 'next-exit'),
  ]);
  const stopProxy = run.sigProxy ? proxySignals(client, id, run.io) : () => undefined;
  try {
    await run.start();
    const input = run.stdin ? feed(streams, run.io) : undefined;
    await show(streams, run.io);
    input?.();
    const { StatusCode, Error: failure } = await exit;
    if (failure != null) throw new GantryError('internal', 'wait-failed', failure.Message);
    return StatusCode;
  } finally {
    stopProxy();
    streams.close();
  }
}

async function show(streams: AttachedStreams, io: Io): Promise<void> {
  for await (const { fd, data } of streams.output) await (fd === 1 ? io.out(data) : io.err(data));
}

/** Sends standard input until it or the container ends. @returns stops it. */
function feed(streams: AttachedStreams, io: Io): () => void {
  const { stdin } = io;
  const stop = new AbortController();
  const pump = async (): Promise<void> => {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      if (stop.signal.aborted) return;
      await streams.write(chunk);
    }
    streams.end();
  };
  pump().catch((error: unknown) => {
    // The container ended before its input did; what it has to say comes over the output.
    if (stop.signal.aborted || (isGantryError(error) && error.code === 'connection-lost')) return;
    void io.err(`gantry: standard input: ${error instanceof Error ? error.message : String(error)}\n`);
  });
  return () => {
    stop.abort();
    stdin.destroy();
  };
}

function proxySignals(client: EngineClient, id: string, io: Io): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    client.containers.kill(id, { killSignal: signal }).catch((error: unknown) => {
      // A container that has just ended needs no signal.
      if (isGantryError(error) && (error.kind === 'conflict' || error.kind === 'notFound')) return;
      void io.err(`gantry: passing on ${signal}: ${error instanceof Error ? error.message : String(error)}\n`);
    });
  };
  for (const signal of proxied) process.on(signal, onSignal);
  return () => {
    for (const signal of proxied) process.off(signal, onSignal);
  };
}
