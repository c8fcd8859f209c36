/** The part of Go's text/template that people use in `--format`, as a tree. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipe: Pipe }
  | { readonly kind: 'if' | 'with'; readonly pipe: Pipe; readonly then: readonly Node[]; readonly otherwise: readonly Node[] }
  | { readonly kind: 'range'; readonly pipe: Pipe; readonly keys: readonly string[]; readonly then: readonly Node[]; readonly otherwise: readonly Node[] };

/** `a | b | c`: each command gets the value of the one before as its last argument. */
export interface Pipe {
  /** `$x :=`, `$x =` */
  readonly assign?: { readonly name: string; readonly declare: boolean };
  readonly commands: readonly Command[];
}

/** A function with arguments, or one operand. */
export type Command = readonly [Operand, ...Operand[]];

export type Operand =
  | { readonly kind: 'dot' }
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'pipe'; readonly pipe: Pipe; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly name: string };
