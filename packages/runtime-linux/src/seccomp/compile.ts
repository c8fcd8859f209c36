import { hash } from 'node:crypto';
import { GantryError } from '@gantry/errors';
import type { OciSeccomp } from '@gantry/oci';
import { filterFlags, retEnosys, retKillProcess } from './actions.ts';
import { abiFacts, maxNumber, x32Bit, type SeccompArch } from './architecture.ts';
import { argumentTests } from './argument-tests.ts';
import { assemble } from './assemble.ts';
import { problemWithProgram } from './check-program.ts';
import { Graph, type Node } from './graph.ts';
import { numberTree, type Segment } from './number-tree.ts';
import { resolvePolicies, type Policy } from './policy.ts';

/** What `seccomp(SECCOMP_SET_MODE_FILTER, flags, &{ len: bpf.length / 8, filter: bpf })` takes. */
export interface SeccompProgram {
  /** An array of `struct sock_filter`, 8 bytes each, little-endian; at most 4096 of them. */
  readonly bpf: Uint8Array<ArrayBuffer>;
  /** `SECCOMP_FILTER_FLAG_*`. */
  readonly flags: number;
}

/** Offsets in `struct seccomp_data`. */
const numberOffset = 0;
const archOffset = 4;

/** Above it nothing is an x32 number any more. */
const x32End = 0x8000_0000;

interface Range {
  readonly first: number;
  readonly last: number;
  readonly node: Node;
}

/** What holds for numbers without a decision of their own, from `first` to `last`. */
function ranges(graph: Graph, policy: Policy, first: number, last: number): Range[] {
  const made: Range[] = [];
  let from = first;
  for (const [unknownFirst, unknownLast] of policy.unknown) {
    made.push({ first: from, last: unknownFirst - 1, node: graph.return(policy.otherwise) }, { first: unknownFirst, last: unknownLast, node: graph.return(retEnosys) });
    from = unknownLast + 1;
  }
  made.push({ first: from, last, node: graph.return(policy.otherwise) });
  return made.filter((range) => range.first <= range.last);
}

function decided(graph: Graph, policy: Policy): [number, Node][] {
  const otherwise = graph.return(policy.otherwise);
  return [...policy.decisions].map(([number, decision]) => [number, 'verdict' in decision ? graph.return(decision.verdict) : argumentTests(graph, decision.rules, otherwise)]);
}

/** All numbers of one audit architecture, in order. x32 shares x86_64's, above its bit. */
function segmentsOf(graph: Graph, native: Policy, x32: Policy | undefined): Segment[] {
  const singles = new Map([...decided(graph, native), ...(x32 === undefined ? [] : decided(graph, x32))]);
  const all = native.abi === 'x86_64' ? [...ranges(graph, native, 0, x32Bit - 1), ...aboveX32Bit(graph, native, x32)] : ranges(graph, native, 0, maxNumber);
  const starts = new Map<number, Node>();
  for (const { first, last, node } of all) {
    starts.set(first, node);
    for (const [number, single] of singles) {
      if (number < first || number > last) continue;
      starts.set(number, single);
      if (number < last && !singles.has(number + 1)) starts.set(number + 1, node);
    }
  }
  return [...starts].map(([start, node]) => ({ start, node })).sort((a, b) => a.start - b.start);
}

function aboveX32Bit(graph: Graph, native: Policy, x32: Policy | undefined): Range[] {
  if (x32 !== undefined) return ranges(graph, x32, x32Bit, maxNumber);
  return [
    { first: x32Bit, last: x32End - 1, node: graph.return(retKillProcess) },
    { first: x32End, last: maxNumber, node: graph.return(native.unknown.length > 0 ? retEnosys : native.otherwise) },
  ];
}

function build(profile: OciSeccomp, arch: SeccompArch): Uint8Array<ArrayBuffer> {
  const graph = new Graph();
  const policies = resolvePolicies(profile, arch);
  const x32 = policies.find(({ abi }) => abi === 'x32');
  // The native convention, which nearly every call uses, is asked for first.
  const root = policies
    .filter((policy) => policy !== x32)
    .reduceRight((otherwise, policy) => {
      const tree = numberTree(graph, segmentsOf(graph, policy, policy.abi === 'x86_64' ? x32 : undefined));
      return graph.jump('eq', abiFacts(policy.abi).audit, graph.load(numberOffset, tree), otherwise);
    }, graph.return(retKillProcess));
  const bpf = assemble(graph.load(archOffset, root));
  const problem = problemWithProgram(bpf);
  if (problem !== undefined) throw new GantryError('internal', 'seccomp-program-refused', `The compiled seccomp filter is wrong: ${problem}`, { details: { problem } });
  return bpf;
}

/** Programs by what they were made from, the oldest use first. A host runs a handful of profiles. */
const cache = new Map<string, SeccompProgram>();
const maxCached = 64;

function remember(key: string, program: SeccompProgram): void {
  cache.delete(key);
  cache.set(key, program);
  const [oldest] = cache.keys();
  if (cache.size > maxCached && oldest !== undefined) cache.delete(oldest);
}

/**
 * Compiles an OCI profile to a classic BPF filter for the kernel of an architecture, by the rules of runc 1.4 and
 * libseccomp 2.6 but for the differences that the README in this folder lists:
 *
 * - Calls of a convention that `architectures` does not list (the native one always is) kill the process.
 * - Names that no known kernel has are passed over. A rule whose action and errno are the default's is too.
 * - For one system call, the first rule without conditions decides. Without one, a rule whose conditions all hold;
 *   of several, the one with the narrowest condition, whatever their order.
 * - Two conditions on the same argument are alternatives; on different arguments all must hold.
 * - Unless the default lets calls through, numbers above all that the profile names get `ENOSYS`.
 *
 * Programs are remembered by profile and architecture; the bytes are the caller's own.
 *
 * @throws GantryError `invalid`: `seccomp-profile-invalid`, `seccomp-architecture-unknown`, `seccomp-flag-unknown`,
 *   `seccomp-profile-too-large` (more than 4096 instructions)
 */
export function compileSeccomp(profile: OciSeccomp, arch: SeccompArch): SeccompProgram {
  const text = JSON.stringify(profile, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  const key = `${arch} ${hash('sha256', text)}`;
  const program = cache.get(key) ?? { bpf: build(profile, arch), flags: filterFlags(profile.flags) };
  remember(key, program);
  return { bpf: program.bpf.slice(), flags: program.flags };
}
