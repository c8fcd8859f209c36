import { setTimeout as delay } from 'node:timers/promises';
import { GantryError, isGantryError } from '@gantry/errors';
import type { Attached, Layer, LayerId, Runtime, StorageDriver } from '@gantry/driver-api';
import { describe, expect, it } from 'vitest';
import { loopback } from '../src/proxy/index.ts';

const id = 'l' as LayerId;
const layer: Layer = { kind: 'layer', id, parent: null, bytes: 7 };

function driver(methods: Partial<StorageDriver>): StorageDriver {
  const base = { name: 'toy', domain: 'local', capabilities: { sink: false, exactDiff: true, idmap: false, quota: false }, [Symbol.asyncDispose]: async () => undefined };
  return { ...base, ...methods } as StorageDriver; // a test asks only for the methods it gives
}

async function* endless(state: { made: number; freed: boolean }): AsyncGenerator<Uint8Array> {
  try {
    for (;;) yield Buffer.from(`chunk ${state.made++}`);
  } finally {
    state.freed = true;
  }
}

describe('loopback', () => {
  it('carries plain values both ways, and what the driver says of itself', async () => {
    await using proxy = loopback('storage', driver({ layer: async (asked) => ({ ...layer, id: asked }) }));
    expect(await proxy.layer(id)).toEqual(layer);
    expect([proxy.name, proxy.domain, proxy.capabilities.exactDiff]).toEqual(['toy', 'local', true]);
  });

  it('carries errors with kind, code and details', async () => {
    await using proxy = loopback('storage', driver({ layer: () => Promise.reject(new GantryError('conflict', 'c', 'm', { details: { n: 1 } })) }));
    const e: unknown = await proxy.layer(id).catch((reason: unknown) => reason);
    expect(isGantryError(e) && [e.kind, e.code, e.message, e.details]).toEqual(['conflict', 'c', 'm', { n: 1 }]);
  });

  it('sends a stream only as fast as it is read, and frees it by return()', async () => {
    const state = { made: 0, freed: false };
    await using proxy = loopback('storage', driver({ diff: () => endless(state) }));
    const seen: string[] = [];
    for await (const chunk of proxy.diff({ layer: id })) {
      seen.push(Buffer.from(chunk).toString());
      await delay(5);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(['chunk 0', 'chunk 1', 'chunk 2']);
    expect(state).toEqual({ made: 3, freed: true });
  });

  it('takes streams, callbacks and signals as arguments', async () => {
    const state = { made: 0, freed: false };
    const progress: number[] = [];
    const ingest: StorageDriver['ingest'] = async (_key, src, o) => {
      let bytes = 0;
      for await (const chunk of 'tar' in src ? src.tar : []) {
        bytes += chunk.length;
        o?.onProgress?.(bytes);
        if (o?.signal?.aborted === true) break;
      }
      throw new GantryError('aborted', 'aborted', 'as asked');
    };
    await using proxy = loopback('storage', driver({ ingest }));
    const abort = new AbortController();
    const onProgress = (bytes: number): void => {
      progress.push(bytes);
      if (bytes >= 28) abort.abort();
    };
    await expect(proxy.ingest('k', { tar: endless(state) }, { signal: abort.signal, onProgress })).rejects.toMatchObject({ kind: 'aborted' });
    expect(progress.slice(0, 4)).toEqual([7, 14, 21, 28]);
    expect(state.freed).toBe(true);
  });

  it('tells a driver at once of a signal that has fired before', async () => {
    await using proxy = loopback('storage', driver({ gc: async (o) => ({ bytes: o?.signal?.aborted === true ? 1 : 0 }) }));
    expect(await proxy.gc({ signal: AbortSignal.abort() })).toEqual({ bytes: 1 });
  });

  it('refuses what no process could send', async () => {
    const secret: unknown = new Map();
    await using proxy = loopback('storage', driver({ layer: async () => secret as Layer, status: async () => [] }));
    await expect(proxy.layer(id)).rejects.toMatchObject({ code: 'not-plain-data' });
    await expect(proxy.layer(new Date() as unknown as LayerId)).rejects.toMatchObject({ code: 'not-plain-data' });
    expect(await proxy.status()).toEqual([]);
  });

  it('sends the bytes of a view, not the memory behind it', async () => {
    const memory = new Uint8Array(1024).fill(7);
    let got = 0;
    await using proxy = loopback('storage', driver({
      async *diff() {
        yield memory.subarray(10, 20);
      },
    }));
    for await (const chunk of proxy.diff({ layer: id })) got = chunk.buffer.byteLength;
    expect(got).toBe(10);
  });

  it('carries an attachment: input, output, dispose', async () => {
    const written: string[] = [];
    let disposed = false;
    const attach = async (): Promise<Attached> => ({
      stdin: new WritableStream<Uint8Array>({
        write: (chunk) => void written.push(Buffer.from(chunk).toString()),
        close: () => void written.push('end'),
      }),
      output: (async function* () {
        yield { fd: 1 as const, data: Buffer.from('out') };
      })(),
      [Symbol.asyncDispose]: async () => {
        disposed = true;
      },
    });
    const runtime = { name: 'r', domain: 'local', attach, [Symbol.asyncDispose]: async () => undefined } as unknown as Runtime;
    await using proxy = loopback('runtime', runtime);
    {
      await using attached = await proxy.attach('c', { stdin: true, lossless: true, bufferBytes: 1 });
      const writer = attached.stdin?.getWriter();
      await writer?.write(Buffer.from('in'));
      await writer?.close();
      for await (const { fd, data } of attached.output) expect([fd, Buffer.from(data).toString()]).toEqual([1, 'out']);
    }
    expect([written, disposed]).toEqual([['in', 'end'], true]);
  });

  it('passes dispose on, and is unavailable then', async () => {
    let disposed = 0;
    const proxy = loopback('storage', driver({ [Symbol.asyncDispose]: async () => {
        disposed++;
      } }));
    await proxy[Symbol.asyncDispose]();
    expect(disposed).toBe(1);
    await expect(proxy.layer(id)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
