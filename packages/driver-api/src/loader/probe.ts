import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext } from '../common.ts';
import type { Plugin, ProbeResult } from '../plugin.ts';

/** A probe mounts something at most. */
const probeTimeoutMs = 10_000;

/** Never rejects and never hangs: somebody else's code. */
export async function probe(plugin: Plugin, context: DriverContext, options: object): Promise<ProbeResult> {
  const done = new AbortController();
  try {
    return await Promise.race([
      plugin.probe(context, options),
      delay(probeTimeoutMs, { ok: false, reason: `its probe gave no answer within ${probeTimeoutMs / 1000} s` } as const, { signal: done.signal }),
    ]);
  } catch (e) {
    return { ok: false, reason: `its probe failed: ${e instanceof Error ? e.message : String(e)}` };
  } finally {
    done.abort();
  }
}
