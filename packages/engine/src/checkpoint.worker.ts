import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** Moves what the write-ahead log holds into the database, off the event loop, whenever a message comes; answers it. */
function serve(path: unknown): void {
  if (typeof path !== 'string' || parentPort === null) throw new TypeError('not started as a checkpoint worker');
  const port = parentPort;
  const db = new DatabaseSync(path, { timeout: 1000 });
  db.exec('PRAGMA synchronous = NORMAL');
  port.on('message', (message: unknown) => {
    if (message === 'close') {
      db.close();
      port.close();
      return;
    }
    try {
      // PASSIVE waits for nobody and is waited for by nobody; the next writer then begins the log anew.
      const [row] = db.prepare('PRAGMA wal_checkpoint(PASSIVE)').all();
      port.postMessage({ ok: true, pages: Number(row?.['log'] ?? 0) });
    } catch (error) {
      port.postMessage({ ok: false, message: error instanceof Error ? error.message : String(error) });
    }
  });
}

serve(workerData);
