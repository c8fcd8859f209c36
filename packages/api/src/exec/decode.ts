import { GantryError } from '@gantry/errors';
import type { ExecCreateRequest, ExecStartRequest } from '@gantry/api-types';
import { boolean, object, size, string, strings, type Decoder } from '../http/decode.ts';
import type { Json } from '../http/json.ts';

const createRequest: Decoder<ExecCreateRequest> = object<ExecCreateRequest>({
  AttachStdin: boolean,
  AttachStdout: boolean,
  AttachStderr: boolean,
  ConsoleSize: size,
  DetachKeys: string,
  Tty: boolean,
  Env: strings,
  Cmd: strings,
  Privileged: boolean,
  User: string,
  WorkingDir: string,
});

const startRequest: Decoder<ExecStartRequest> = object<ExecStartRequest>({ Detach: boolean, Tty: boolean, ConsoleSize: size });

/** @throws GantryError invalid `bad-field` */
export function decodeExecCreate(body: Json | undefined): ExecCreateRequest & { readonly Cmd: readonly string[] } {
  const request = createRequest(body ?? {}, '');
  const command = request.Cmd;
  if (command === undefined || command === null || command.length === 0) {
    throw new GantryError('invalid', 'bad-field', 'No exec command specified: Cmd is required', { details: { field: 'Cmd' } });
  }
  return { ...request, Cmd: command };
}

/** An empty body is an attached start. */
export function decodeExecStart(body: Json | undefined): ExecStartRequest {
  return startRequest(body ?? {}, '');
}
