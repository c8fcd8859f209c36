import { isNarrow } from '../../src/seccomp/argument-widths.ts';
import { x32Bit } from '../../src/seccomp/architecture.ts';
import { syscalls } from '../../src/seccomp/syscall-table.ts';
import type { Question } from './bpf/answers.ts';

/** Where our default filter answers a call otherwise than a Docker's, and why it is meant to. */
export interface Difference {
  readonly reason: string;
  readonly theirs: string;
  readonly ours: string;
  readonly covers: (question: Question & { readonly name: string | undefined }) => boolean;
}

const named = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Whether the kernel sees less of these arguments than the registers hold. */
function hasUnseenBits({ abi, args, name }: Question & { readonly name: string | undefined }): boolean {
  return abi === 'x86_64' && name !== undefined && args.some((value, index) => value > 0xffff_ffffn && isNarrow(name, index));
}

/** From every Docker. */
const always: readonly Difference[] = [
  {
    reason: 'A call by an architecture that the filter does not know ends the process; ending one thread would leave the others in a broken one',
    theirs: 'kill thread',
    ours: 'kill process',
    covers: ({ abi }) => abi === 'none',
  },
  {
    reason: 'personality takes 32 bits, so rubbish above them does not make an allowed value another one',
    theirs: 'errno 1',
    ours: 'allow',
    covers: (question) => question.name === 'personality' && hasUnseenBits(question),
  },
];

/** From a Docker with today's policy. */
const current: readonly Difference[] = [
  ...always,
  {
    reason: 'socket takes its family as 32 bits; Docker compares 64, so that a bit above them lets AF_ALG and AF_VSOCK through',
    theirs: 'allow',
    ours: 'errno 1',
    covers: (question) => question.name === 'socket' && hasUnseenBits(question) && [38n, 40n].includes((question.args[0] ?? 0n) & 0xffff_ffffn),
  },
];

const newCalls = named('cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount mseal setxattrat getxattrat listxattrat removexattrat');
const newRefusedCalls = named('set_mempolicy_home_node lsm_get_self_attr lsm_set_self_attr lsm_list_modules');
const newByCapability = named('clock_settime64 set_mempolicy_home_node lsm_get_self_attr lsm_set_self_attr lsm_list_modules');
const laterAllowed = named('name_to_handle_at pkey_alloc pkey_free pkey_mprotect process_vm_readv process_vm_writev uretprobe');

/** From Docker 20.10, of which the policy has changed since. */
const of2010: readonly Difference[] = [
  ...always,
  {
    reason: 'Later Dockers shut out io_uring, for the kernel bugs reached through it (moby #46762)',
    theirs: 'allow',
    ours: 'errno 1',
    covers: ({ name }) => name?.startsWith('io_uring_') === true,
  },
  {
    reason: 'Later Dockers shut out AF_ALG and AF_VSOCK',
    theirs: 'allow',
    ours: 'errno 1',
    covers: ({ name, args }) => name === 'socket' && [38n, 40n].includes((args[0] ?? 0n) & 0xffff_ffffn),
  },
  {
    reason: 'Calls newer than that policy, allowed since',
    theirs: 'errno 38',
    ours: 'allow',
    covers: ({ name }) => newCalls.has(name ?? '') || newByCapability.has(name ?? ''),
  },
  {
    reason: 'Calls newer than that policy which need a capability, known since: EPERM',
    theirs: 'errno 38',
    ours: 'errno 1',
    covers: ({ name }) => newRefusedCalls.has(name ?? ''),
  },
  {
    reason: 'Allowed by later Dockers',
    theirs: 'errno 1',
    ours: 'allow',
    covers: ({ name }) => laterAllowed.has(name ?? '') || newCalls.has(name ?? '') || newByCapability.has(name ?? ''),
  },
];

/** Whether an engine has the policy of 2021. */
function isOld(version: string): boolean {
  return version.startsWith('20.10.');
}

export function differencesFrom(version: string): readonly Difference[] {
  return isOld(version) ? of2010 : current;
}

const names: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map(
  (['x86_64', 'i386', 'x32', 'aarch64', 'arm'] as const).map((abi) => [abi, new Map([...syscalls(abi)].map(([name, nr]) => [abi === 'x32' ? nr - x32Bit : nr, name]))]),
);

export function withName(question: Question): Question & { readonly name: string | undefined } {
  return { ...question, name: names.get(question.abi)?.get(question.nr) };
}
