import { setTimeout as wait } from 'node:timers/promises';
import { isGantryError, type GantryError } from '@gantry/errors';
import type { RetryPolicy } from '../options.ts';
import { aborted } from './connection-error.ts';

/** Failures that time alone does not mend, of the kinds that may otherwise pass. */
const lasting: ReadonlySet<string> = new Set(['connection-refused', 'host-not-found', 'tls-certificate', 'tls-failed', 'bad-http', 'client-closed']);
/** Worth another try although their kind says otherwise: the server said when, or the body was cut short. */
const passing: ReadonlySet<string> = new Set(['rate-limited', 'blob-truncated']);
/** What a registry that is being restarted looks like. */
const restarting: ReadonlySet<string> = new Set(['connection-refused', 'host-not-found']);

/** May the same request succeed in a while? `midway`: it was succeeding a moment ago. */
export function isTransient(error: unknown, midway: boolean): error is GantryError {
  if (!isGantryError(error)) return false;
  if (passing.has(error.code)) return true;
  if (error.kind !== 'unavailable' && error.kind !== 'timeout') return false;
  return !lasting.has(error.code) || (midway && restarting.has(error.code));
}

/**
 * Milliseconds to wait before the next try, or undefined where the server asks for more patience than the policy has.
 * Doubles with each failure, with jitter over its upper half, so that clients do not come back all at once.
 * @param failures so far, from 1.
 */
export function delayBefore(policy: RetryPolicy, failures: number, error: GantryError): number | undefined {
  const asked = error.details['retryAfterMs'];
  if (typeof asked === 'number') return asked <= policy.maxRetryAfterMs ? asked : undefined;
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** (failures - 1));
  return full / 2 + (Math.random() * full) / 2;
}

/** `Retry-After` in ms: seconds, or an HTTP date (RFC 9110, 10.2.3). */
export function parseRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** @throws GantryError aborted. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted === true ? aborted(signal) : error;
  }
}

/** Told of each failure that is followed by another try. */
export type OnRetry = (retry: { readonly failures: number; readonly delayMs: number; readonly error: GantryError }) => void;

/** Runs `attempt` until it succeeds, fails for good, or has failed `policy.attempts` times. */
export async function withRetries<T>(policy: RetryPolicy, o: { signal: AbortSignal | undefined; onRetry: OnRetry }, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= policy.attempts || !isTransient(error, false)) throw error;
      const delayMs = delayBefore(policy, failures, error);
      if (delayMs === undefined) throw error;
      o.onRetry({ failures, delayMs, error });
      await sleep(delayMs, o.signal);
    }
  }
}
