import { GantryError, isGantryError } from '@gantry/errors';
import { printable } from '@gantry/oci';
import type { HttpResponse } from './response.ts';
import { parseRetryAfter } from './retry.ts';

const maxErrorBody = 64 * 1024;
const maxErrorText = 300;

/** The registry's own account of a failure (distribution spec, "Error Codes"). */
export interface RegistryProblem {
  /** `MANIFEST_UNKNOWN`, `DENIED`, ...; '' where none was given. */
  readonly code: string;
  readonly message: string;
}

const noProblem: RegistryProblem = { code: '', message: '' };

async function readProblem(response: HttpResponse): Promise<RegistryProblem> {
  let answer: unknown;
  try {
    answer = JSON.parse((await response.bytes(maxErrorBody)).toString('utf8'));
  } catch (error) {
    // The status says enough; what explains it is missing, broken or too long. An abort is no explanation, though.
    if (isGantryError(error) && error.kind === 'aborted') throw error;
    return noProblem;
  }
  const list: unknown = typeof answer === 'object' && answer !== null && 'errors' in answer ? answer.errors : [answer];
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  if (typeof first !== 'object' || first === null) return noProblem;
  const { code, message, details } = first as Partial<Record<'code' | 'message' | 'details', unknown>>;
  // Token servers say `details` where registries say `message`.
  const text = typeof message === 'string' ? message : details;
  return { code: typeof code === 'string' ? printable(code, 64) : '', message: typeof text === 'string' ? printable(text, maxErrorText) : '' };
}

/**
 * What a response other than the wanted one means. Statuses that may pass are the same everywhere; the rest is for
 * `explain`, which gets what the server said as the tail of a sentence (': ...', or '').
 */
export async function failureOf(response: HttpResponse, explain: (status: number, said: string, problem: RegistryProblem) => GantryError): Promise<GantryError> {
  const { status, url } = response;
  const problem = await readProblem(response);
  const said = problem.message === '' ? '' : `: ${problem.message}`;
  const retryAfterMs = parseRetryAfter(response.header('retry-after'));
  const details = { host: url.host, status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (status === 429 || problem.code === 'TOOMANYREQUESTS') {
    return new GantryError('exhausted', 'rate-limited', `${url.host} takes no more requests for now: try again later, or log in for a higher limit${said}`, { details });
  }
  if (status === 408 || status >= 500) return new GantryError('unavailable', 'registry-failed', `${url.host} answered with status ${status}${said}`, { details });
  return explain(status, said, problem);
}
