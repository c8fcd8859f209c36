import type { Command, Node, Operand, Pipe } from './ast.ts';
import { badTemplate, tokenize, type Token } from './tokens.ts';

const maxDepth = 100;

/** @throws GantryError invalid `bad-template`. */
export function parseTemplate(template: string): Node[] {
  const parser = new Parser(tokenize(template));
  const { nodes, end } = parser.list(0);
  if (end !== undefined) throw badTemplate(`unexpected {{${end}}}`);
  return nodes;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Nodes up to the end, or to `{{end}}` or `{{else}}`, of which it tells the word. */
  list(depth: number): { readonly nodes: Node[]; readonly end: 'end' | 'else' | undefined } {
    if (depth > maxDepth) throw badTemplate('nested too deeply');
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#tokens[this.#at++];
      if (token === undefined) return { nodes, end: undefined };
      if (token.kind === 'text') {
        nodes.push(token);
        continue;
      }
      this.#spaces();
      const word = this.#word();
      if (word === 'end' || word === 'else') {
        this.#at++;
        if (word === 'end') this.#close();
        return { nodes, end: word };
      }
      if (word === 'if' || word === 'with' || word === 'range') {
        this.#at++;
        nodes.push(this.#block(word, depth));
      } else {
        nodes.push({ kind: 'print', pipe: this.#pipe('close', depth) });
      }
    }
  }

  #block(kind: 'if' | 'with' | 'range', depth: number): Node {
    const keys = kind === 'range' ? this.#rangeKeys() : [];
    const pipe = this.#pipe('close', depth);
    const { nodes: then, end } = this.list(depth + 1);
    const otherwise = end === 'else' ? this.#otherwise(kind, depth) : [];
    if (end === undefined) throw badTemplate(`{{${kind}}} without {{end}}`);
    return kind === 'range' ? { kind, pipe, keys, then, otherwise } : { kind, pipe, then, otherwise };
  }

  #otherwise(kind: 'if' | 'with' | 'range', depth: number): Node[] {
    this.#spaces();
    const word = this.#word();
    if (word === 'if' || word === 'with') {
      if (word !== kind) throw badTemplate(`{{else ${word}}} in {{${kind}}}`);
      this.#at++;
      return [this.#block(word, depth + 1)];
    }
    this.#close();
    const { nodes, end } = this.list(depth + 1);
    if (end !== 'end') throw badTemplate('{{else}} without {{end}}');
    return nodes;
  }

  /** `$i, $v :=` or `$v :=` of a range. */
  #rangeKeys(): string[] {
    const start = this.#at;
    const keys: string[] = [];
    for (;;) {
      this.#spaces();
      const token = this.#tokens[this.#at];
      if (token?.kind === 'variable') keys.push(token.name);
      else if (token?.kind === 'declare' && keys.length > 0) {
        this.#at++;
        return keys.slice(0, 2);
      } else if (token?.kind !== 'comma' || keys.length === 0) {
        this.#at = start;
        return [];
      }
      this.#at++;
    }
  }

  #pipe(end: 'close' | 'rparen', depth: number): Pipe {
    if (depth > maxDepth) throw badTemplate('nested too deeply');
    this.#spaces();
    const assign = this.#assignment();
    const commands: Command[] = [];
    let operands: Operand[] = [];
    const flush = (): void => {
      const [first, ...rest] = operands;
      if (first === undefined) throw badTemplate('missing value for command');
      commands.push([first, ...rest]);
      operands = [];
    };
    for (;;) {
      this.#spaces();
      const token = this.#tokens[this.#at++];
      if (token === undefined) throw badTemplate('unclosed action');
      if (token.kind === end) {
        flush();
        return { commands, ...(assign === undefined ? {} : { assign }) };
      }
      if (token.kind === 'pipe') flush();
      else operands.push(this.#operand(token, depth));
    }
  }

  #assignment(): Pipe['assign'] {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'variable') return undefined;
    const start = this.#at++;
    this.#spaces();
    const sign = this.#tokens[this.#at]?.kind;
    if (sign !== 'declare' && sign !== 'assign') {
      this.#at = start;
      return undefined;
    }
    this.#at++;
    return { name: token.name, declare: sign === 'declare' };
  }

  #operand(token: Token, depth: number): Operand {
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot' };
      case 'field':
        return { kind: 'field', path: [token.name, ...this.#fields()] };
      case 'variable':
        return { kind: 'variable', name: token.name, path: this.#fields() };
      case 'literal':
        return { kind: 'literal', value: token.value };
      case 'lparen': {
        const pipe = this.#pipe('rparen', depth + 1);
        return { kind: 'pipe', pipe, path: this.#fields() };
      }
      case 'word':
        if (token.name === 'true' || token.name === 'false') return { kind: 'literal', value: token.name === 'true' };
        if (token.name === 'nil') return { kind: 'literal', value: null };
        return { kind: 'function', name: token.name };
      default:
        throw badTemplate(`unexpected ${token.kind} in command`);
    }
  }

  /** `.a.b` right behind an operand. */
  #fields(): string[] {
    const path: string[] = [];
    for (let token = this.#tokens[this.#at]; token?.kind === 'field'; token = this.#tokens[this.#at]) {
      path.push(token.name);
      this.#at++;
    }
    return path;
  }

  #word(): string | undefined {
    const token = this.#tokens[this.#at];
    return token?.kind === 'word' ? token.name : undefined;
  }

  #spaces(): void {
    while (this.#tokens[this.#at]?.kind === 'space') this.#at++;
  }

  #close(): void {
    this.#spaces();
    if (this.#tokens[this.#at++]?.kind !== 'close') throw badTemplate('expected }}');
  }
}
