import { chooseHost, createClient, type EngineClient } from '@gantry/client';
import { ensureDaemon } from './ensure-daemon.ts';
import type { GlobalFlags, Io } from './spec.ts';

/** Runs `use` with the engine that the user means; where nothing listens on the default socket, an engine is started first. */
export async function withEngine<T>(global: GlobalFlags, io: Io, use: (client: EngineClient) => Promise<T>): Promise<T> {
  const { host, from } = chooseHost(global.host, io.env);
  using client = createClient({
    host,
    ...(from === 'default' ? { onUnreachable: (error) => ensureDaemon(host, io, error) } : {}),
  });
  return await use(client);
}
