import { GantryError, toGantryError } from './gantry-error.ts';
import type { ErrorKind } from './kinds.ts';

/** What Docker's clients expect of a failed request: a status, and a body with `message`; `code` and `details` are ours. */
export interface HttpError {
  readonly status: number;
  readonly body: { readonly message: string; readonly code: string };
}

const statusOf: Readonly<Record<ErrorKind, number>> = {
  notModified: 304,
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  exhausted: 500,
  dataLoss: 500,
  internal: 500,
  aborted: 500,
  timeout: 500,
  notImplemented: 501,
  unavailable: 503,
};

const kindOf: Readonly<Record<number, ErrorKind>> = {
  304: 'notModified',
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  429: 'exhausted',
  501: 'notImplemented',
  503: 'unavailable',
};

/** The one mapping of errors to HTTP. */
export function toHttp(error: unknown): HttpError {
  const e = toGantryError(error);
  return { status: statusOf[e.kind], body: { message: e.message, code: e.code } };
}

/** The error that a response with this status and body stands for. */
export function fromHttp(status: number, body: { readonly message?: string; readonly code?: string }): GantryError {
  return new GantryError(kindOf[status] ?? 'internal', body.code ?? `http-${status}`, body.message ?? `HTTP status ${status}`, {
    details: { status },
  });
}
