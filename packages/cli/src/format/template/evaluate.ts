import type { Command, Node, Operand, Pipe } from './ast.ts';
import { failed, functions, show, truthy, type Value } from './functions.ts';

/** Output is bounded, so that a template cannot fill the memory. */
const maxOutput = 64 << 20;

interface Scope {
  readonly dot: Value;
  readonly variables: ReadonlyMap<string, { value: Value }>;
}

/** The text that a template makes of a value. @throws GantryError invalid `template-failed`. */
export function evaluate(nodes: readonly Node[], data: Value): string {
  const out: string[] = [];
  let length = 0;
  const emit = (text: string): void => {
    length += text.length;
    if (length > maxOutput) throw failed('more output than 64 MiB');
    out.push(text);
  };
  walk(nodes, { dot: data, variables: new Map([['', { value: data }]]) }, emit);
  return out.join('');
}

function walk(nodes: readonly Node[], outer: Scope, emit: (text: string) => void): void {
  let scope = outer;
  for (const node of nodes) {
    if (node.kind === 'text') {
      emit(node.text);
      continue;
    }
    const value = pipe(node.pipe, scope);
    if (node.kind === 'print') {
      if (node.pipe.assign === undefined) emit(show(value));
      else scope = assign(node.pipe.assign, value, scope);
      continue;
    }
    const inner = node.pipe.assign === undefined ? scope : assign(node.pipe.assign, value, scope);
    if (node.kind === 'range') range(node, value, inner, emit);
    else if (truthy(value)) walk(node.then, node.kind === 'with' ? { ...inner, dot: value } : inner, emit);
    else walk(node.otherwise, inner, emit);
  }
}

function range(node: Extract<Node, { kind: 'range' }>, value: Value, scope: Scope, emit: (text: string) => void): void {
  const items = entries(value);
  if (items.length === 0) {
    walk(node.otherwise, scope, emit);
    return;
  }
  for (const [key, item] of items) {
    const variables = new Map(scope.variables);
    const [first, second] = node.keys;
    if (second !== undefined && first !== undefined) variables.set(first, { value: key }).set(second, { value: item });
    else if (first !== undefined) variables.set(first, { value: item });
    walk(node.then, { dot: item, variables }, emit);
  }
}

function entries(value: Value): (readonly [Value, Value])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return (value as readonly Value[]).map((item, i) => [i, item] as const);
  if (typeof value === 'object') return Object.entries(value as Readonly<Record<string, Value>>).sort(([a], [b]) => (a < b ? -1 : 1));
  throw failed(`range can't iterate over ${show(value)}`);
}

function assign(to: NonNullable<Pipe['assign']>, value: Value, scope: Scope): Scope {
  if (to.declare) return { ...scope, variables: new Map(scope.variables).set(to.name, { value }) };
  const cell = scope.variables.get(to.name);
  if (cell === undefined) throw failed(`undefined variable $${to.name}`);
  cell.value = value;
  return scope;
}

function pipe({ commands }: Pipe, scope: Scope): Value {
  let last: [] | [Value] = [];
  for (const command of commands) last = [run(command, last, scope)];
  return last[0];
}

function run(command: Command, last: [] | [Value], scope: Scope): Value {
  const [head, ...rest] = command;
  if (head.kind !== 'function') {
    if (rest.length > 0 || last.length > 0) throw failed(`can't give arguments to ${describe(head)}, which is no function`);
    return operand(head, scope);
  }
  if (head.name === 'and' || head.name === 'or') {
    let value: Value;
    for (const item of [...rest.map((o) => () => operand(o, scope)), ...last.map((v) => () => v)]) {
      value = item();
      if (truthy(value) === (head.name === 'or')) break;
    }
    return value;
  }
  const call = Object.hasOwn(functions, head.name) ? functions[head.name] : undefined;
  if (call === undefined) throw failed(`function ${JSON.stringify(head.name)} not defined`);
  return call(...rest.map((o) => operand(o, scope)), ...last);
}

function operand(o: Operand, scope: Scope): Value {
  switch (o.kind) {
    case 'dot':
      return scope.dot;
    case 'literal':
      return o.value;
    case 'field':
      return follow(scope.dot, o.path);
    case 'variable': {
      const cell = scope.variables.get(o.name);
      if (cell === undefined) throw failed(`undefined variable $${o.name}`);
      return follow(cell.value, o.path);
    }
    case 'pipe':
      return follow(pipe(o.pipe, scope), o.path);
    case 'function':
      return run([o], [], scope);
  }
}

/** A field of something that has fields and not this one is the user's mistake; what may be absent in JSON is no value. */
function follow(value: Value, path: readonly string[]): Value {
  let at = value;
  for (const name of path) {
    if (at === null || at === undefined) return at;
    if (typeof at !== 'object' || Array.isArray(at)) throw failed(`can't evaluate field ${name} in ${show(at)}`);
    const map = at as Readonly<Record<string, Value>>;
    if (!Object.hasOwn(map, name)) throw failed(`map has no entry for key ${JSON.stringify(name)}`);
    at = map[name];
  }
  return at;
}

function describe(o: Operand): string {
  return o.kind === 'literal' ? show(o.value) : o.kind;
}
