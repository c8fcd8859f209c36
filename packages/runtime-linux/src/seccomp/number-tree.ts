import { maxNumber } from './architecture.ts';
import type { Graph, Node } from './graph.ts';

/** From this number to the start of the next segment, `node` decides. */
export interface Segment {
  readonly start: number;
  readonly node: Node;
}

/** A stretch of numbers with one decision but for single numbers within it. */
interface Cell {
  readonly start: number;
  readonly node: Node;
  readonly exceptions: Segment[];
}

/** Single numbers are looked for one by one; with more of them the stretch is divided, or it would be slow. */
const maxExceptions = 3;

/** Neighbours with one decision become one. */
function merge(segments: readonly Segment[]): Segment[] {
  return segments.filter(({ node }, index) => index === 0 || segments[index - 1]?.node !== node);
}

/** A single number between two stretches with one decision costs one test as an exception, and two as a segment. */
function cells(segments: readonly Segment[]): Cell[] {
  const made: Cell[] = [];
  let cell: Cell | undefined;
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index];
    if (segment === undefined) break;
    const next = segments[index + 1];
    if (cell !== undefined && cell.exceptions.length < maxExceptions && next?.start === segment.start + 1 && next.node === cell.node) {
      cell.exceptions.push(segment);
      index++; // `next` goes on with the cell
      continue;
    }
    cell = { start: segment.start, node: segment.node, exceptions: [] };
    made.push(cell);
  }
  return made;
}

function cellTests(graph: Graph, { node, exceptions }: Cell): Node {
  return exceptions.reduceRight((otherwise, exception) => graph.jump('eq', exception.start, exception.node, otherwise), node);
}

function divide(graph: Graph, parts: readonly Cell[]): Node {
  const [first] = parts;
  if (first === undefined) throw new RangeError('no numbers to decide about');
  if (parts.length === 1) return cellTests(graph, first);
  const middle = parts.length >> 1;
  const right = parts.slice(middle);
  return graph.jump('ge', right[0]?.start ?? maxNumber, divide(graph, right), divide(graph, parts.slice(0, middle)));
}

/**
 * A binary search over the number in the accumulator.
 *
 * @param segments ascending; the first starts at 0
 */
export function numberTree(graph: Graph, segments: readonly Segment[]): Node {
  return divide(graph, cells(merge(segments)));
}
