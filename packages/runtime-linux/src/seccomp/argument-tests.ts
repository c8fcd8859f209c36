import type { Condition } from './condition.ts';
import type { Graph, Node } from './graph.ts';
import type { Rule } from './policy.ts';

/** Where the lower word of an argument is in `struct seccomp_data` of a little-endian kernel; the upper one follows. */
const lowWord = (index: number): number => 16 + index * 8;

const wordMax = 0xffff_ffff;

/** What is known about the machine at a point of the program. */
interface State {
  /** Offset of the word that the accumulator holds unchanged. */
  readonly loaded: number | undefined;
  /** Smallest and largest value that a word can have after the tests on the way here. */
  readonly ranges: ReadonlyMap<number, readonly [min: number, max: number]>;
}

type Next = (state: State) => Node;

/** Past this many different points, what tests have shown is no longer carried along: it could double with each rule. */
const maxPoints = 512;

function stateKey({ loaded, ranges }: State): string {
  return `${loaded ?? '-'};${[...ranges].sort(([a], [b]) => a - b).map(([offset, [min, max]]) => `${offset}:${min}-${max}`).join(',')}`;
}

/** Turns the rules of one system call into tests of its arguments, without loading or testing a word twice. */
class ArgumentTests {
  readonly #graph: Graph;
  readonly #rules: readonly Rule[];
  readonly #otherwise: Node;
  readonly #made = new Map<string, Node>();

  readonly #learnUpTo: number;

  constructor(graph: Graph, rules: readonly Rule[], otherwise: Node, learnUpTo: number) {
    this.#learnUpTo = learnUpTo;
    this.#graph = graph;
    this.#rules = rules;
    this.#otherwise = otherwise;
  }

  /** The tests from condition `at` of rule `index` on. */
  from(index: number, at: number, reached: State): Node {
    const rule = this.#rules[index];
    if (rule === undefined) return this.#otherwise;
    const tested = rule.conditions[at];
    if (tested === undefined) return this.#graph.return(rule.verdict);
    const state = this.#made.size >= this.#learnUpTo ? { loaded: reached.loaded, ranges: new Map() } : reached;
    const key = `${index},${at};${stateKey(state)}`;
    const made = this.#made.get(key) ?? this.#condition(tested, state, (then) => this.from(index, at + 1, then), (then) => this.from(index + 1, 0, then));
    this.#made.set(key, made);
    return made;
  }

  #condition(tested: Condition, state: State, holds: Next, fails: Next): Node {
    const [yes, no] = tested.negated ? [fails, holds] : [holds, fails];
    const low = lowWord(tested.index);
    const [valueLow, valueHigh] = halves(tested.value);
    const [maskLow, maskHigh] = halves(tested.mask);
    const wide = tested.bits === 64;
    switch (tested.op) {
      case 'eq': {
        const lower: Next = (then) => this.#equal(low, valueLow, then, yes, no);
        return wide ? this.#equal(low + 4, valueHigh, state, lower, no) : lower(state);
      }
      case 'masked': {
        const lower: Next = (then) => this.#masked(low, maskLow, valueLow, then, yes, no);
        return wide ? this.#masked(low + 4, maskHigh, valueHigh, state, lower, no) : lower(state);
      }
      case 'ge':
      case 'gt': {
        const least = tested.op === 'ge' ? valueLow : valueLow + 1;
        const lower: Next = (then) => this.#atLeast(low, least, then, yes, no);
        if (!wide) return lower(state);
        // With nothing to ask of the lower word, or nothing that it could fulfil, the upper one decides alone.
        if (least === 0) return this.#atLeast(low + 4, valueHigh, state, yes, no);
        return this.#atLeast(low + 4, valueHigh + 1, state, yes, (then) => this.#equal(low + 4, valueHigh, then, lower, no));
      }
    }
  }

  #equal(offset: number, value: number, state: State, yes: Next, no: Next): Node {
    const [min, max] = rangeOf(state, offset);
    if (value < min || value > max) return no(state);
    if (min === max) return yes(state);
    const others: readonly [number, number] = value === min ? [min + 1, max] : value === max ? [min, max - 1] : [min, max];
    return this.#loaded(offset, state, this.#graph.jump('eq', value, yes(learn(state, offset, [value, value])), no(learn(state, offset, others))));
  }

  #atLeast(offset: number, value: number, state: State, yes: Next, no: Next): Node {
    const [min, max] = rangeOf(state, offset);
    if (min >= value) return yes(state);
    if (max < value) return no(state);
    return this.#loaded(offset, state, this.#graph.jump('ge', value, yes(learn(state, offset, [value, max])), no(learn(state, offset, [min, value - 1]))));
  }

  #masked(offset: number, mask: number, value: number, state: State, yes: Next, no: Next): Node {
    if (mask === 0) return yes(state); // the value is within the mask: also 0
    if (mask === wordMax) return this.#equal(offset, value, state, yes, no);
    const [min, max] = rangeOf(state, offset);
    if (min === max) return (min & mask) >>> 0 === value ? yes(state) : no(state);
    const kept = learn(state, offset, [min, max]);
    if (value === 0) return this.#loaded(offset, state, this.#graph.jump('set', mask, no(kept), yes(kept)));
    if (value === mask && (mask & (mask - 1)) === 0) return this.#loaded(offset, state, this.#graph.jump('set', mask, yes(kept), no(kept)));
    const lost: State = { loaded: undefined, ranges: kept.ranges };
    return this.#loaded(offset, state, this.#graph.mask(mask, this.#graph.jump('eq', value, yes(lost), no(lost))));
  }

  #loaded(offset: number, state: State, test: Node): Node {
    return state.loaded === offset ? test : this.#graph.load(offset, test);
  }
}

function halves(value: bigint): [low: number, high: number] {
  return [Number(value & 0xffff_ffffn), Number(value >> 32n)];
}

function rangeOf(state: State, offset: number): readonly [number, number] {
  return state.ranges.get(offset) ?? [0, wordMax];
}

function learn(state: State, offset: number, range: readonly [number, number]): State {
  const all = range[0] === 0 && range[1] === wordMax;
  return { loaded: offset, ranges: all ? state.ranges : new Map([...state.ranges, [offset, range]]) };
}

/** How many different nodes a program from here on has. */
function sizeOf(root: Node): number {
  const seen = new Set<Node>();
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.kind === 'jump') open.push(node.yes, node.no);
    else if (node.kind !== 'return') open.push(node.next);
  }
  return seen.size;
}

/**
 * The first rule whose conditions all hold decides, else `otherwise`. What the accumulator held before is lost.
 *
 * Using what earlier tests have shown makes paths shorter, and where rules look at the same few values the program too.
 * Where they look at many, it takes a copy of the rest for each thing shown; then the plain program is the better one.
 */
export function argumentTests(graph: Graph, rules: readonly Rule[], otherwise: Node): Node {
  const start: State = { loaded: undefined, ranges: new Map() };
  const learning = new ArgumentTests(graph, rules, otherwise, maxPoints).from(0, 0, start);
  const plain = new ArgumentTests(graph, rules, otherwise, 0).from(0, 0, start);
  return sizeOf(plain) < sizeOf(learning) ? plain : learning;
}
