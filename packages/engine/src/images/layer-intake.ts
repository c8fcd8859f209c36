import type { LayerId, StorageDriver } from '@gantry/driver-api';
import type { LayerDownload, LayerSink, PullLayer } from '@gantry/registry-client';
import type { Database } from '../state/database.ts';
import { untilAborted } from '../util/abort.ts';
import { deferred, type Deferred } from '../util/deferred.ts';
import { randomToken } from '../util/ids.ts';
import type { Lock } from '../util/lock.ts';
import type { ImageTable } from './image-table.ts';
import type { Lease } from './leases.ts';

/** What became of a layer that one pull took in and others wait for. */
type Outcome = 'published' | 'dropped';

interface Needs {
  readonly db: Database;
  readonly table: ImageTable;
  readonly storage: StorageDriver;
  /** Held while a layer and its row come or go together. */
  readonly lock: Lock;
}

/** Layers on their way into the storage driver: what several pulls need is downloaded and unpacked once. */
export class LayerIntake {
  readonly #needs: Needs;
  /** By chain ID: layers that some pull is taking in. */
  readonly #running = new Map<string, Deferred<Outcome>>();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** The sink of one pull, whose lease holds what it finds and makes. */
  sink(lease: Lease): LayerSink {
    /** Keys of what this pull has ingested itself. */
    const own = new Map<string, string>();
    const settle = (chainId: string, outcome: Outcome): void => {
      if (!own.delete(chainId)) return;
      this.#running.get(chainId)?.resolve(outcome);
      this.#running.delete(chainId);
    };
    return {
      has: async ({ chainId }) => this.#holdIfThere(chainId, lease),
      ingest: async (layer, download) => {
        const key = await this.#ingest(layer, download);
        if (key !== undefined) own.set(layer.chainId, key);
      },
      publish: async (layer) => {
        const key = own.get(layer.chainId);
        if (key !== undefined) await this.#publish(layer, key, lease);
        else this.#holdIfThere(layer.chainId, lease);
        settle(layer.chainId, 'published');
      },
      discard: async ({ chainId }) => {
        const key = own.get(chainId);
        settle(chainId, 'dropped');
        if (key !== undefined) await this.#needs.storage.discard(key);
      },
    };
  }

  /** Finding a layer and holding it are one: nobody can collect it in between. */
  #holdIfThere(chainId: string, lease: Lease): boolean {
    const { db, table } = this.#needs;
    return db.transaction(() => {
      const is = table.hasLayer(chainId);
      if (is) lease.hold('layer', chainId);
      return is;
    });
  }

  /** The key it was ingested under; undefined: another pull has published it. */
  async #ingest(layer: PullLayer, download: LayerDownload): Promise<string | undefined> {
    for (let other = this.#running.get(layer.chainId); other !== undefined; other = this.#running.get(layer.chainId)) {
      if ((await untilAborted(other.promise, download.signal)) === 'published') return undefined;
      // The other pull failed: what it had got is continued here.
    }
    const mine = deferred<Outcome>();
    this.#running.set(layer.chainId, mine);
    const { storage } = this.#needs;
    const key = `pull-${randomToken()}`;
    try {
      const tar = await download.open();
      await storage.begin(key);
      await storage.ingest(key, { tar }, { expect: layer.diffId, signal: download.signal });
      return key;
    } catch (error) {
      this.#running.delete(layer.chainId);
      mine.resolve('dropped');
      await storage.discard(key);
      throw error;
    }
  }

  async #publish(layer: PullLayer, key: string, lease: Lease): Promise<void> {
    const { db, table, storage, lock } = this.#needs;
    const { chainId, parent, diffId } = layer;
    await lock.run(async () => {
      // A layer's id is its chain ID.
      const { bytes } = await storage.publish(key, { id: chainId as string as LayerId, parent: parent as string | null as LayerId | null });
      db.transaction(() => {
        table.putLayer({ chainId, diffId, parent, driver: storage.name, bytes });
        lease.hold('layer', chainId);
      });
    });
  }
}
