import { GantryError } from '@gantry/errors';
import { expect } from 'vitest';
import type { Attachment, ExitRecord, Keeper, OutputChunk, Plan, PlanMount, PlanProcess } from '../../src/index.ts';

/** What Docker gives by default. */
export const defaultCaps = '00000000a80425fb';

export function processPlan(args: readonly string[], more: Partial<PlanProcess> = {}): PlanProcess {
  return {
    args,
    env: ['PATH=/bin', 'HOME=/root'],
    cwd: '/',
    uid: 0,
    gid: 0,
    groups: [0],
    caps: { bounding: defaultCaps, effective: defaultCaps, permitted: defaultCaps, inheritable: '0', ambient: '0' },
    rlimits: [],
    noNewPrivileges: false,
    path: ['/usr/bin', '/bin'],
    ...more,
  };
}

/** MS_NOSUID, MS_NODEV, MS_NOEXEC. */
const hardened = 2 | 4 | 8;

export const baseMounts: readonly PlanMount[] = [
  { kind: 'fs', fstype: 'proc', source: 'proc', target: '/proc', flags: hardened, data: '' },
  { kind: 'fs', fstype: 'tmpfs', source: 'tmpfs', target: '/dev', flags: 2 | (1 << 24), data: 'mode=755,size=65536k' },
  { kind: 'fs', fstype: 'devpts', source: 'devpts', target: '/dev/pts', flags: 2 | 8, data: 'newinstance,ptmxmode=0666,mode=0620,gid=5' },
  { kind: 'fs', fstype: 'sysfs', source: 'sysfs', target: '/sys', flags: hardened | 1, data: '' },
];

export function plan(root: string, process: PlanProcess, more: Partial<Plan> = {}): Plan {
  return {
    root: { path: root },
    rootPropagation: 'private',
    readonlyRoot: false,
    mounts: baseMounts,
    devices: [
      { path: '/dev/null', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
      { path: '/dev/zero', type: 'c', major: 1, minor: 5, mode: 0o666, uid: 0, gid: 0 },
      { path: '/dev/full', type: 'c', major: 1, minor: 7, mode: 0o666, uid: 0, gid: 0 },
      { path: '/dev/tty', type: 'c', major: 5, minor: 0, mode: 0o666, uid: 0, gid: 5 },
    ],
    links: [
      { path: '/dev/fd', target: '/proc/self/fd' },
      { path: '/dev/ptmx', target: 'pts/ptmx' },
    ],
    console: false,
    masked: [],
    readonly: [],
    sysctls: [],
    process,
    ...more,
  };
}

export const pipes = { terminal: false, stdin: false } as const;

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: ExitRecord;
}

/** Creates, attaches, starts, reads to the end, and waits. */
export async function runPlan(keeper: Keeper, what: Plan): Promise<Ran> {
  await keeper.create({ token: 't', plan: what, io: pipes });
  const attachment = await keeper.attach({ stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 });
  await keeper.start();
  return { ...(await readAll(attachment)), exit: await exitOf(keeper) };
}

/** A shell script in a new container of this keeper. */
export async function runScript(keeper: Keeper, root: string, script: string, more: Partial<Omit<Plan, 'process'>> & { process?: Partial<PlanProcess> } = {}): Promise<Ran> {
  const { process, ...rest } = more;
  return runPlan(keeper, plan(root, processPlan(['/bin/sh', '-c', script], process), rest));
}

/** A process added to a running container, to its end. */
export async function runExec(keeper: Keeper, execId: string, process: PlanProcess): Promise<Ran> {
  await keeper.exec({ execId, process, io: pipes });
  const attachment = await keeper.attach({ execId, stdin: false, stdout: true, stderr: true, lossless: true, bufferBytes: 65536 });
  await keeper.start(execId);
  return { ...(await readAll(attachment)), exit: await exitOf(keeper, execId) };
}

export async function readAll(attachment: Attachment): Promise<{ stdout: string; stderr: string }> {
  const chunks: [Uint8Array[], Uint8Array[]] = [[], []];
  for await (const chunk of attachment.output) chunks[chunk.fd === 1 ? 0 : 1].push(chunk.data);
  return { stdout: Buffer.concat(chunks[0]).toString(), stderr: Buffer.concat(chunks[1]).toString() };
}

export async function exitOf(keeper: Keeper, execId?: string): Promise<ExitRecord> {
  for await (const event of keeper.watch()) {
    if (execId === undefined && event.event === 'exit') return event.exit;
    if (event.event === 'exec-exit' && event.execId === execId) return event.exit;
  }
  throw new Error('the keeper ended before its process');
}

/** The error of something that has to fail. */
export async function failure(promise: Promise<unknown>): Promise<GantryError> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof GantryError)) throw new Error(`a GantryError was expected, not ${String(error)}`);
  return error;
}

/** Some text, for comparisons. */
export const anyText: unknown = expect.any(String);

/** Text of this form, for comparisons. */
export function textLike(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** The next output as text; throws at its end. */
export async function nextText(chunks: AsyncIterator<OutputChunk>): Promise<string> {
  const next = await chunks.next();
  if (next.done === true) throw new Error('the output has ended');
  return Buffer.from(next.value.data).toString();
}

/** Deletes a keeper whose container is about to stop: the end of its output can be seen before its exit is on record. */
export async function deleteStopped(keeper: Keeper): Promise<void> {
  const deadline = performance.now() + 5000;
  while ((await keeper.state()).status === 'running' && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  await keeper.delete();
}
