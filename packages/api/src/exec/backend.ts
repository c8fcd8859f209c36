import type { ExecCreateRequest, ExecInspectResponse } from '@gantry/api-types';
import type { TerminalSize } from '../containers/backend.ts';
import type { AttachedStreams } from '../http/streams.ts';

/** What the routes of execs need. */
export interface ExecBackend {
  /** The new exec's ID. @throws GantryError notFound (container), conflict (not running), invalid */
  create(container: string, request: ExecCreateRequest & { readonly Cmd: readonly string[] }): Promise<string>;
  /** Null when detached. Resolves once it runs. @throws GantryError notFound, conflict, invalid */
  start(id: string, o: { readonly detach: boolean; readonly size?: TerminalSize }): Promise<AttachedStreams | null>;
  inspect(id: string): Promise<ExecInspectResponse>;
  resize(id: string, size: TerminalSize): Promise<void>;
}
