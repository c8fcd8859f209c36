/**
 * Filters as graphs: nodes that test or end, equal ones shared. Built from the leaves to the root, so that a node's
 * identity is known when it is made and a whole chain of tests that occurs twice exists once.
 */
export type Node = ReturnNode | JumpNode | LoadNode | MaskNode;

interface ReturnNode {
  readonly id: number;
  readonly kind: 'return';
  readonly verdict: number;
}

export interface JumpNode {
  readonly id: number;
  readonly kind: 'jump';
  readonly test: JumpTest;
  readonly k: number;
  readonly yes: Node;
  readonly no: Node;
}

interface LoadNode {
  readonly id: number;
  readonly kind: 'load';
  /** Of a word in `struct seccomp_data`. */
  readonly offset: number;
  readonly next: Node;
}

interface MaskNode {
  readonly id: number;
  readonly kind: 'mask';
  readonly mask: number;
  readonly next: Node;
}

/** Tests of the accumulator: equal, greater or equal (unsigned), any bit of `k` set. */
export type JumpTest = 'eq' | 'ge' | 'set';

/** Makes nodes; two calls with the same content give the same node. */
export class Graph {
  readonly #nodes = new Map<string, Node>();

  return(verdict: number): Node {
    return this.#intern(`r${verdict}`, (id) => ({ id, kind: 'return', verdict }));
  }

  jump(test: JumpTest, k: number, yes: Node, no: Node): Node {
    if (yes === no) return yes;
    // Two tests for bits in a row with one way out are one test for all of them.
    if (test === 'set' && no.kind === 'jump' && no.test === 'set' && no.yes === yes) return this.jump('set', (k | no.k) >>> 0, yes, no.no);
    return this.#intern(`${test}${k},${yes.id},${no.id}`, (id) => ({ id, kind: 'jump', test, k, yes, no }));
  }

  load(offset: number, next: Node): Node {
    // A load whose value nobody looks at is not needed.
    if (next.kind === 'return' || next.kind === 'load') return next;
    return this.#intern(`l${offset},${next.id}`, (id) => ({ id, kind: 'load', offset, next }));
  }

  mask(mask: number, next: Node): Node {
    if (next.kind === 'return' || next.kind === 'load') return next;
    return this.#intern(`m${mask},${next.id}`, (id) => ({ id, kind: 'mask', mask, next }));
  }

  #intern(key: string, make: (id: number) => Node): Node {
    const found = this.#nodes.get(key);
    if (found !== undefined) return found;
    const made = make(this.#nodes.size);
    this.#nodes.set(key, made);
    return made;
  }
}
