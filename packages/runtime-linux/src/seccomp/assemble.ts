import { GantryError } from '@gantry/errors';
import type { JumpNode, JumpTest, Node } from './graph.ts';
import { maxInstructions } from './check-program.ts';

/** Opcodes of linux/bpf_common.h. */
const codes = { load: 0x20, mask: 0x54, always: 0x05, return: 0x06 } as const;
const tests: Readonly<Record<JumpTest, number>> = { eq: 0x15, ge: 0x35, set: 0x45 };

/** A conditional jump skips at most so many instructions. */
const maxSkip = 255;

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/**
 * Writes the program from its end, so that every target is placed before the jump to it. Places are counted from the
 * end, and the instruction written last is the one that runs next.
 */
class Assembler {
  readonly #reversed: Instruction[] = [];
  /** Where a node was written last: the copy that is nearest. */
  readonly #places = new Map<Node, number>();

  /** Writes what is not there yet, so that `node` can be reached from the next instruction. Gives its place. */
  #write(node: Node): number {
    const placed = this.#places.get(node);
    if (placed !== undefined) return placed;
    switch (node.kind) {
      case 'return':
        return this.#place(node, { code: codes.return, jt: 0, jf: 0, k: node.verdict });
      case 'load':
        this.#fallInto(node.next);
        return this.#place(node, { code: codes.load, jt: 0, jf: 0, k: node.offset });
      case 'mask':
        this.#fallInto(node.next);
        return this.#place(node, { code: codes.mask, jt: 0, jf: 0, k: node.mask });
      case 'jump':
        return this.#place(node, this.#jump(node));
    }
  }

  #jump({ test, k, yes, no }: JumpNode): Instruction {
    this.#write(no);
    this.#write(yes);
    // Bringing one target nearer moves the other away by an instruction, so look again until both are near.
    while (this.#skip(yes) > maxSkip || this.#skip(no) > maxSkip) this.#bringNear(this.#skip(yes) > maxSkip ? yes : no);
    return { code: tests[test], jt: this.#skip(yes), jf: this.#skip(no), k };
  }

  /** How many instructions a jump written next would skip to get there. */
  #skip(node: Node): number {
    const place = this.#write(node);
    return this.#reversed.length - place - 1;
  }

  /** An end is copied; to anything else an unconditional jump leads, whose reach is not limited. */
  #bringNear(node: Node): void {
    this.#place(node, node.kind === 'return' ? { code: codes.return, jt: 0, jf: 0, k: node.verdict } : { code: codes.always, jt: 0, jf: 0, k: this.#skip(node) });
  }

  #fallInto(node: Node): void {
    if (this.#skip(node) > 0) this.#bringNear(node);
  }

  #place(node: Node, instruction: Instruction): number {
    if (this.#reversed.length >= maxInstructions) {
      throw new GantryError('invalid', 'seccomp-profile-too-large', `The seccomp profile needs more than the ${maxInstructions} instructions that the kernel allows a filter; make it shorter`);
    }
    const place = this.#reversed.push(instruction) - 1;
    this.#places.set(node, place);
    return place;
  }

  program(root: Node): Instruction[] {
    this.#write(root);
    return this.#reversed.toReversed();
  }
}

/**
 * A graph as an array of `struct sock_filter`, little-endian.
 *
 * @throws GantryError `invalid` `seccomp-profile-too-large` when it needs more than 4096 instructions
 */
export function assemble(root: Node): Uint8Array<ArrayBuffer> {
  const program = new Assembler().program(root);
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const at = index * 8;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  }
  return bytes;
}
