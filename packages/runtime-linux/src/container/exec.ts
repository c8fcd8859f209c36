import type { Io } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import type { OciProcess } from '@gantry/oci';
import { planProcess } from '../plan/process.ts';
import { within } from '../state/deadline.ts';
import { checkId } from '../state/ids.ts';
import type { Container } from './container.ts';
import { requireKeeper, requireRunning } from './control.ts';
import { ioWire } from './create.ts';
import type { Parts } from './parts.ts';

const execMs = 30_000;

/** See `Runtime.exec`. The process gets the container's own filter, and only the capabilities that its spec names. */
export async function execIn(parts: Parts, container: Container, execId: string, spec: OciProcess, io: Io): Promise<{ pid: number }> {
  const { id } = container;
  checkId(execId, 'exec');
  requireRunning(container);
  if (container.life.paused) throw new GantryError('conflict', 'container-paused', `Container ${id} is paused, unpause the container before exec`, { details: { id } });
  if (container.life.execs.has(execId)) throw new GantryError('conflict', 'exec-exists', `Container ${id} has an exec ${execId} already`, { details: { id, execId } });
  const { seccomp } = container.record;
  const program = seccomp === undefined ? undefined : { bpf: Buffer.from(await parts.programs.get(seccomp.name)).toString('base64'), flags: seccomp.flags };
  const process = planProcess(spec, {
    availableCapabilities: parts.availableCapabilities,
    onMissingCapabilities: (names) => {
      parts.context.log.warn({ id, execId, names }, 'this machine can not give some of the capabilities');
    },
    ...(program === undefined ? {} : { seccomp: program }),
  });
  const made = await within(execMs, `preparing exec ${execId} in ${id}`, requireKeeper(container).exec({ execId, process, io: ioWire(io) }));
  container.addExec(execId);
  return { pid: made.pid };
}
