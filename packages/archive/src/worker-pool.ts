import { Worker } from 'node:worker_threads';

/** Workers kept for the next task: starting one costs tens of milliseconds. */
const maxIdle = 2;
/** Milliseconds after which one that is not needed ends. */
const idleTime = 10_000;

interface Idle {
  readonly worker: Worker;
  readonly timer: NodeJS.Timeout;
}

const idle: Idle[] = [];

/** A worker with nothing to do. It keeps the process alive until it is given back. */
export function takeWorker(): Worker {
  const last = idle.pop();
  if (last === undefined) return new Worker(new URL(import.meta.url.endsWith('.ts') ? './archive.worker.ts' : './archive.worker.js', import.meta.url));
  clearTimeout(last.timer);
  last.worker.removeAllListeners();
  last.worker.ref();
  return last.worker;
}

/** A worker whose task is done, whatever came of it. */
export function giveBackWorker(worker: Worker): void {
  worker.removeAllListeners();
  if (idle.length >= maxIdle) {
    void worker.terminate();
    return;
  }
  worker.unref();
  const timer = setTimeout(() => {
    drop(worker);
    void worker.terminate();
  }, idleTime);
  timer.unref();
  // One that fails while it is idle is simply not there for the next task.
  worker.on('error', () => drop(worker));
  worker.on('exit', () => drop(worker));
  idle.push({ worker, timer });
}

function drop(worker: Worker): void {
  const at = idle.findIndex((entry) => entry.worker === worker);
  const [entry] = at === -1 ? [] : idle.splice(at, 1);
  if (entry !== undefined) clearTimeout(entry.timer);
}
