import type { Reference } from '@gantry/oci';
import type { ResolvedImage } from '../manifest/resolve.ts';
import type { PullLayer } from './layer-sink.ts';

/** What happens during a pull, for whoever watches. Layers come in any order and interleave. */
export type PullProgress =
  | { readonly type: 'resolving'; readonly reference: Reference }
  | { readonly type: 'resolved'; readonly image: ResolvedImage; readonly layers: readonly PullLayer[] }
  /** Stands already. */
  | { readonly type: 'exists'; readonly layer: PullLayer }
  /** Its turn comes when a slot is free. */
  | { readonly type: 'waiting'; readonly layer: PullLayer }
  /** At most ten times a second for each layer, and at its end. Bytes, compressed. */
  | { readonly type: 'downloading'; readonly layer: PullLayer; readonly bytes: number; readonly total: number }
  | { readonly type: 'retrying'; readonly layer: PullLayer; readonly delayMs: number; readonly code: string }
  /** Taken in by the sink. */
  | { readonly type: 'ingested'; readonly layer: PullLayer }
  | { readonly type: 'published'; readonly layer: PullLayer };

/** Must not throw. */
export type OnProgress = (event: PullProgress) => void;

const intervalMs = 100;

/** Lets through one report per interval, and the one that completes `total`. */
export function throttled(total: number, report: (bytes: number) => void): (bytes: number) => void {
  let last = -Infinity;
  return (bytes) => {
    const now = performance.now();
    if (bytes < total && now - last < intervalMs) return;
    last = now;
    report(bytes);
  };
}
