import { expect } from 'vitest';
import { createRegistryClient, type LayerSink, type RegistryClient, type RegistryClientOptions } from '../../src/index.ts';
import { collect } from './images.ts';

/** A client whose retries take no time worth waiting for. */
export function quickClient(options: RegistryClientOptions = {}): RegistryClient {
  return createRegistryClient({ ...options, retries: { baseMs: 1, maxMs: 5, ...options.retries } });
}

/** Keeps what it takes in, and the order of what happened. */
export class MemorySink implements LayerSink {
  readonly standing: Map<string, Buffer> = new Map<string, Buffer>();
  readonly staged: Map<string, Buffer> = new Map<string, Buffer>();
  readonly events: string[] = [];

  has: LayerSink['has'] = async (layer) => {
    this.events.push(`has ${layer.index}`);
    return this.standing.has(layer.chainId);
  };

  static async take(sink: MemorySink, ...[layer, download]: Parameters<LayerSink['ingest']>): Promise<void> {
    const bytes = await collect(await download.open());
    sink.staged.set(layer.chainId, bytes);
    sink.events.push(`ingested ${layer.index}`);
  }

  ingest: LayerSink['ingest'] = (layer, download) => MemorySink.take(this, layer, download);

  publish: LayerSink['publish'] = async (layer) => {
    this.events.push(`published ${layer.index}`);
    const bytes = this.staged.get(layer.chainId);
    if (bytes === undefined) throw new Error(`layer ${layer.index} was published before it was there`);
    if (layer.parent !== null && !this.standing.has(layer.parent)) throw new Error(`layer ${layer.index} was published before its parent`);
    this.standing.set(layer.chainId, bytes);
    this.staged.delete(layer.chainId);
  };

  discard: LayerSink['discard'] = async (layer) => {
    this.events.push(`discarded ${layer.index}`);
    this.staged.delete(layer.chainId);
  };
}

/** What an error is expected to be, for `rejects.toThrow`. */
export function failure(kind: string, code: string, message?: string): Error {
  return expect.objectContaining({ kind, code, ...(message === undefined ? {} : { message: expect.stringContaining(message) as unknown }) }) as Error;
}

/** Polls without hurry: the machine may be busy. */
export function eventually<T>(read: () => T): ReturnType<typeof expect.poll<T>> {
  // eslint-disable-next-line vitest/valid-expect -- the caller calls the matcher
  return expect.poll(read, { interval: 5, timeout: 20_000 });
}
