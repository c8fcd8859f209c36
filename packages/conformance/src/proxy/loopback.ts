import { MessageChannel } from 'node:worker_threads';
import type { Driver, Kinds } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { Peer } from './peer.ts';
import { shapes } from './shape.ts';

const dispose = '[dispose]';

/**
 * A driver as if it were in another process: every argument and answer goes through a port, by structured clone. What
 * works so can be served over any byte stream. Dispose of it disposes of the driver.
 *
 * @throws GantryError internal `not-plain-data`, from calls whose values could not cross.
 */
export function loopback<K extends keyof Kinds>(kind: K, driver: Kinds[K]): Kinds[K] {
  const { port1, port2 } = new MessageChannel();
  new Peer(port1, (method, args) => serve(kind, driver, method, args));
  const peer = new Peer(port2);
  const methods = Object.entries(shapes[kind]).map(([name, answer]): [string, (...args: unknown[]) => unknown] => [
    name,
    answer === 'promise' ? (...args: unknown[]) => peer.invoke(name, args) : (...args: unknown[]) => peer.pull(name, args),
  ]);
  const { name, domain } = driver;
  const proxy: unknown = {
    ...Object.fromEntries(methods),
    name,
    domain,
    ...('capabilities' in driver && { capabilities: structuredClone(driver.capabilities) }),
    async [Symbol.asyncDispose]() {
      await peer.invoke(dispose, []);
      peer.close();
    },
  };
  return proxy as Kinds[K]; // `shapes` has all methods of the kind
}

function serve(kind: keyof Kinds, driver: Driver, method: string, args: readonly unknown[]): unknown {
  if (method === dispose) return driver[Symbol.asyncDispose]();
  const fn: unknown = Object.hasOwn(shapes[kind], method) ? Reflect.get(driver, method) : undefined;
  if (typeof fn !== 'function') throw new GantryError('notImplemented', 'proxy-unknown-method', `the driver ${driver.name} has no method ${method}`);
  return Reflect.apply(fn, driver, args);
}
