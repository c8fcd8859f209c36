import { GantryError } from '@gantry/errors';
import type { Core } from '../core.ts';
import { logDriverOf, runtimeOf } from '../drivers/drivers.ts';
import type { AttachContainer, ContainerStreams } from '../types/index.ts';
import { throwIfAborted } from '../util/abort.ts';
import { now } from '../util/time.ts';
import { PendingAttachment } from './attachments.ts';
import type { Container } from './container.ts';
import { containerEvent } from './container-events.ts';
import { parseDetachKeys } from './detach-keys.ts';

type Needs = Pick<Core, 'drivers' | 'events'>;

/** See `Containers.attach`. */
export async function attach(core: Needs, container: Container, o: AttachContainer): Promise<ContainerStreams> {
  const { id, row } = container;
  const { terminal, stdin } = row.config;
  const detachKeys = parseDetachKeys(o.detachKeys);
  throwIfAborted(o.signal);
  if (row.state.status === 'paused') throw new GantryError('conflict', 'container-paused', `container ${row.name} is paused, unpause the container before attach`, { details: { id } });
  if (row.state.status === 'removing' || row.state.status === 'dead') throw new GantryError('conflict', 'removal-in-progress', `container ${row.name} is marked for removal`, { details: { id } });

  const follow = o.follow ?? true;
  const client = new PendingAttachment(
    { stdin: o.stdin && stdin, stdout: o.stdout, stderr: o.stderr, terminal, lossless: o.lossless ?? true, detachKeys: terminal ? detachKeys : undefined, signal: o.signal },
    (how) => {
      container.attachments.delete(client);
      if (how === 'detached') core.events.record(containerEvent(container.row, 'detach'));
    },
  );
  if (!follow) client.giveUp();
  else if (container.isRunning) await client.connect(runtimeOf(core.drivers, row.config.runtime), id);
  else container.attachments.add(client); // connected between its next creation in the runtime and its start
  const connectedAt = now();
  core.events.record(containerEvent(row, 'attach'));
  const streams = client.streams();
  if (o.logs !== true) return streams;
  return { ...streams, output: withLog(core, container, o, connectedAt, streams) };
}

/** What was logged before the connection stood, then what came over it. */
async function* withLog(core: Needs, { id, row }: Container, o: AttachContainer, until: string, live: ContainerStreams): ContainerStreams['output'] & AsyncGenerator<{ readonly fd: 1 | 2; readonly data: Uint8Array }, undefined, undefined> {
  try {
    const fds = ([1, 2] as const).filter((fd) => (fd === 1 ? o.stdout : o.stderr));
    const driver = logDriverOf(core.drivers, row.config.log.driver);
    if (driver?.capabilities.read === true && fds.length > 0) {
      for await (const entry of driver.read(id, { fds, follow: false, until }, o.signal === undefined ? {} : { signal: o.signal })) yield { fd: entry.fd, data: entry.line };
    }
    yield* live.output;
    return undefined;
  } finally {
    await live[Symbol.asyncDispose]();
  }
}
