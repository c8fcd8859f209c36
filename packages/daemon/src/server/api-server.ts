import { createApi, createApiServer, type Backends } from '@gantry/api';
import type { Logger } from '@gantry/driver-api';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { clearSocket, listen, socketPath } from './listen.ts';

/** How long requests that are under way may take once the daemon is to end, in ms. */
const grace = 3_000;

/** The API on all of its sockets. */
export interface ApiServer {
  /** Takes no more connections, lets short requests finish, then cuts off what is left. Containers are not touched. */
  close(): Promise<void>;
}

export interface ApiServerOptions {
  readonly hosts: readonly string[];
  readonly gid: number;
  readonly backends: Backends;
  readonly product: { readonly name: string; readonly version: string };
  readonly log: Logger;
}

async function closeServer(server: Server, connections: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, grace);
  await closed;
  clearTimeout(timer);
}

/** Refuses hosts that are taken, before anything is opened. @throws GantryError conflict */
export async function clearHosts(hosts: readonly string[]): Promise<void> {
  for (const host of hosts) await clearSocket(socketPath(host));
}

/** @throws GantryError conflict `socket-in-use`; unavailable `cannot-listen`. */
export async function startApiServer(o: ApiServerOptions): Promise<ApiServer> {
  const api = createApi({ backends: o.backends, product: o.product, log: o.log });
  const servers: { readonly server: Server; readonly connections: Set<Socket> }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(({ server, connections }) => closeServer(server, connections)));
  };
  try {
    for (const host of o.hosts) {
      const server = createApiServer(api);
      const connections = new Set<Socket>();
      server.on('connection', (socket: Socket) => {
        connections.add(socket);
        socket.once('close', () => connections.delete(socket));
      });
      await listen(server, socketPath(host), o.gid);
      servers.push({ server, connections });
      o.log.info({ host }, 'listening');
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
