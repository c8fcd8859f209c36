import { release } from 'node:os';
import type { CreateRequest } from '@gantry/driver-api';
import { GantryError, isGantryError } from '@gantry/errors';
import type { IoWire, Keeper, Plan, PlanProcess } from '@gantry/linux';
import type { OciSeccomp, OciSpec } from '@gantry/oci';
import { applyLimits, newLimits, type Limits } from '../cgroup/limits.ts';
import { badField } from '../plan/field.ts';
import { planContainer, requireProcess } from '../plan/plan.ts';
import { planRoot } from '../plan/root.ts';
import { findSources } from '../plan/sources.ts';
import { chooseNamespaces, type NamespaceChoice } from '../sandbox/namespaces.ts';
import type { OpenSandbox } from '../sandbox/sandboxes.ts';
import type { Slot, SlotRequest } from '../sandbox/slots.ts';
import { compileSeccomp, defaultProfile } from '../seccomp/index.ts';
import { checkSignal, within } from '../state/deadline.ts';
import type { ContainerRecord } from '../state/records.ts';
import { Container } from './container.ts';
import type { Parts } from './parts.ts';

/** Setting a container up can wait for a disk or a network filesystem. */
const createMs = 120_000;

const limitsMs = 10_000;

/** Everything that was checked, and nothing done yet. */
interface Prepared {
  readonly plan: Plan;
  readonly io: IoWire;
  /** A slot for the container alone; absent: the sandbox's. */
  readonly ownSlot?: SlotRequest;
  readonly limits: Limits;
  readonly seccomp?: { readonly name: string; readonly flags: number };
}

/**
 * Makes a container in a sandbox: in the sandbox's own slot if that is free and fits, else in one of its own that enters
 * the sandbox's namespaces. Either all of it is there afterwards, or nothing.
 *
 * @throws see `Runtime.create`
 */
export async function createContainer(parts: Parts, sandbox: OpenSandbox, request: CreateRequest, signal: AbortSignal | undefined): Promise<Container> {
  const prepared = await prepare(parts, sandbox, request);
  checkSignal(signal);
  const { ownSlot } = prepared;
  const slot = ownSlot === undefined ? claimed(sandbox) : await parts.slots.make(ownSlot);
  const record: ContainerRecord = {
    id: request.id,
    token: request.token,
    bootId: parts.context.bootId,
    sandbox: sandbox.id,
    slot: slot.record.key,
    cgroup: slot.record.cgroup,
    keeper: slot.keeper.build,
    ...(prepared.seccomp === undefined ? {} : { seccomp: prepared.seccomp }),
  };
  try {
    await parts.records.set(record);
    const container = new Container(parts, record, []);
    container.pid = await setUp(slot.keeper, request, prepared);
    container.tell({ id: request.id, type: 'create', at: new Date().toISOString() });
    container.attach(slot.keeper);
    return container;
  } catch (error) {
    throw await undone(error, [
      async () => {
        if (ownSlot !== undefined) return parts.slots.discard(slot.record.key, slot.keeper);
        await sandbox.spoil();
        await slot.keeper[Symbol.asyncDispose]();
      },
      () => parts.records.delete(request.id),
    ]);
  }
}

async function prepare(parts: Parts, sandbox: OpenSandbox, { spec, rootfs, io, restore, options, id }: CreateRequest): Promise<Prepared> {
  if (restore !== undefined) throw new GantryError('notImplemented', 'checkpoint-unsupported', 'This runtime does not restore checkpoints');
  if (io.log?.format === 'frames') throw new GantryError('notImplemented', 'log-format-unsupported', 'This runtime writes logs of the format json-file only');
  return shaped(async () => {
    const choice = chooseNamespaces(sandbox.request, spec, (name) => parts.slots.pin(sandbox.slot, name));
    const { terminal = false } = requireProcess(spec);
    if (terminal !== io.terminal) throw new GantryError('invalid', 'spec-field-invalid', `process.terminal is ${terminal}, and io.terminal ${io.terminal}`, { details: { field: 'process.terminal' } });
    const profile = seccompProfile(parts, spec, options);
    const compiled = profile === undefined ? undefined : compileSeccomp(profile, parts.arch);
    const seccomp: PlanProcess['seccomp'] = compiled === undefined ? undefined : { bpf: Buffer.from(compiled.bpf).toString('base64'), flags: compiled.flags };
    const ownSlot = choice.sandboxSlot && sandbox.claim !== undefined ? undefined : ownSlotOf(parts, sandbox, choice);
    const place = parts.tree.place(ownSlot?.cgroup ?? sandbox.cgroup);
    const hostname = sandbox.request.hostname === undefined ? {} : { hostname: sandbox.request.hostname };
    const ownUts = choice.join.uts === parts.slots.pin(sandbox.slot, 'uts'); // and not another container's
    const plan = planContainer(spec, {
      root: planRoot(rootfs),
      own: choice.own,
      sandbox: { sysctls: sandbox.request.sysctls, ...(ownUts ? hostname : {}) },
      sources: await findSources(spec.mounts ?? []),
      cgroup: place,
      availableCapabilities: parts.availableCapabilities,
      onMissingCapabilities: (names) => {
        parts.context.log.warn({ id, names }, 'this machine can not give some of the capabilities');
      },
      ...(seccomp === undefined ? {} : { seccomp }),
    });
    return {
      plan,
      io: ioWire(io),
      limits: newLimits(place, parts.tree.place(sandbox.cgroup), spec.linux?.resources ?? {}, spec.linux?.devices ?? []),
      ...(ownSlot === undefined ? {} : { ownSlot }),
      ...(compiled === undefined ? {} : { seccomp: { name: await parts.programs.put(compiled.bpf), flags: compiled.flags } }),
    };
  });
}

/** Prepared for the sandbox's own slot, so it is free. */
function claimed({ id, claim }: OpenSandbox): Slot {
  if (claim === undefined) throw new GantryError('internal', 'sandbox-in-use', `The slot of sandbox ${id} is not free`);
  return claim();
}

function ownSlotOf(parts: Parts, sandbox: OpenSandbox, { fresh, join }: NamespaceChoice): SlotRequest {
  const key = parts.slots.newKey();
  return { key, namespaces: fresh, join, cgroup: `${sandbox.cgroup}.${key}` };
}

/** The spec's own filter; without one, what `options.seccomp` says: `default` is Docker's for these capabilities, `unconfined` (and nothing said) is none. */
function seccompProfile(parts: Parts, spec: OciSpec, options: CreateRequest['options']): OciSeccomp | undefined {
  for (const [name, value] of Object.entries(options)) {
    const field = `options.${name}`;
    if (name !== 'seccomp') throw new GantryError('invalid', 'runtime-option-unknown', `${field}: this runtime has no such option`, { details: { field } });
    if (value !== 'default' && value !== 'unconfined') throw badField(field, 'must be "default" or "unconfined"', value);
  }
  if (spec.linux?.seccomp !== undefined) return spec.linux.seccomp;
  return options['seccomp'] === 'default' ? defaultProfile(spec.process?.capabilities?.bounding ?? [], parts.arch, release()) : undefined;
}

/** A spec that came over a proxy may not even have the shape of one. */
async function shaped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new GantryError('invalid', 'spec-malformed', `The spec does not have the shape that the OCI runtime specification gives it: ${error.message}`, { cause: error });
  }
}

async function setUp(keeper: Keeper, { token, io }: CreateRequest, prepared: Prepared): Promise<number> {
  await within(limitsMs, 'setting the limits of the container', applyLimits(keeper, prepared.limits));
  const { pid } = await within(
    createMs,
    'setting the container up',
    keeper.create({ token, plan: prepared.plan, io: prepared.io, ...(io.log === undefined ? {} : { log: io.log }) }),
  );
  return pid;
}

/** The streams of a process in the native side's words. */
export function ioWire(io: CreateRequest['io']): IoWire {
  const { terminal, size, stdin, stdinOnce } = io;
  return { terminal, stdin, ...(size === undefined ? {} : { rows: size.rows, cols: size.cols }), ...(stdinOnce === undefined ? {} : { stdinOnce }) };
}

/** Undoes step by step, whatever fails, and returns the error to throw. */
async function undone(error: unknown, steps: readonly (() => Promise<void>)[]): Promise<unknown> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (failure) {
      failures.push(failure);
    }
  }
  if (failures.length === 0) return error;
  const first = isGantryError(error) ? error : undefined;
  return new GantryError(first?.kind ?? 'internal', first?.code ?? 'unexpected', `${String(error)}; clearing up behind it failed too: ${failures.map(String).join('; ')}`, {
    cause: new AggregateError([error, ...failures]),
    details: first?.details ?? {},
  });
}
