import { globSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');

export interface ErrorCode {
  /** Where it can come from. */
  readonly packages: ReadonlySet<string>;
}

/**
 * Every error code that the packages' sources can throw, found by the type checker: the second argument of each
 * `new GantryError(...)`, followed through parameters to the callers and through object fields named `code`.
 * A code that is put together at run time shows its variable part as `*`.
 */
export function collectErrorCodes(): Map<string, ErrorCode> {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root }).map((file) => join(root, file));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true, noEmit: true,
    skipLibCheck: true, allowImportingTsExtensions: true, customConditions: ['@gantry/source'], types: ['node'], typeRoots: [join(root, 'node_modules/@types')],
  });
  return new Collector(program, new Set(files)).run();
}

class Collector {
  readonly #checker: ts.TypeChecker;
  readonly #sources: readonly ts.SourceFile[];
  readonly #found = new Map<string, { packages: Set<string> }>();
  readonly #calls = new Map<ts.Node, ts.CallExpression[]>();
  readonly #fields = new Map<string, ts.Expression[]>();
  readonly #seen = new Set<ts.Node>();

  constructor(program: ts.Program, files: ReadonlySet<string>) {
    this.#checker = program.getTypeChecker();
    this.#sources = program.getSourceFiles().filter((source) => files.has(source.fileName));
  }

  run(): Map<string, ErrorCode> {
    const errors: ts.NewExpression[] = [];
    for (const source of this.#sources) {
      this.#visit(source, (node) => {
        if (ts.isNewExpression(node) && node.expression.getText() === 'GantryError') errors.push(node);
        if (ts.isCallExpression(node)) this.#index(node);
        if (ts.isPropertyAssignment(node) && node.name.getText() === 'code') this.#field(node);
      });
    }
    for (const error of errors) {
      const code = error.arguments?.[1];
      if (code !== undefined) this.#follow(code);
    }
    return this.#found;
  }

  #visit(node: ts.Node, look: (node: ts.Node) => void): void {
    look(node);
    ts.forEachChild(node, (child) => this.#visit(child, look));
  }

  #index(call: ts.CallExpression): void {
    const declaration = this.#checker.getResolvedSignature(call)?.declaration;
    if (declaration !== undefined) this.#calls.set(declaration, [...(this.#calls.get(declaration) ?? []), call]);
  }

  #field(node: ts.PropertyAssignment): void {
    const name = packageOf(node);
    this.#fields.set(name, [...(this.#fields.get(name) ?? []), node.initializer]);
  }

  #follow(expression: ts.Expression): void {
    if (this.#seen.has(expression)) return;
    this.#seen.add(expression);
    if (ts.isTemplateExpression(expression)) {
      this.#add(expression.head.text + expression.templateSpans.map((span) => `*${span.literal.text}`).join(''), expression);
      return;
    }
    if (ts.isConditionalExpression(expression)) {
      this.#follow(expression.whenTrue);
      this.#follow(expression.whenFalse);
      return;
    }
    if (ts.isBinaryExpression(expression)) {
      this.#follow(expression.left);
      this.#follow(expression.right);
      return;
    }
    const type = this.#checker.getTypeAtLocation(expression);
    const literals = (type.isUnion() ? type.types : [type]).filter((part) => part.isStringLiteral());
    for (const literal of literals) this.#add(literal.value, expression);
    if (literals.length > 0) return;
    if (ts.isPropertyAccessExpression(expression) && expression.name.text === 'code') {
      // The code of an error that is being passed on was counted where it was made.
      for (const value of this.#fields.get(packageOf(expression)) ?? []) if (ts.isStringLiteral(value)) this.#follow(value);
      return;
    }
    if (ts.isIdentifier(expression)) this.#followName(expression);
  }

  #followName(name: ts.Identifier): void {
    const declaration = this.#checker.getSymbolAtLocation(name)?.valueDeclaration;
    if (declaration === undefined) return;
    if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined) this.#follow(declaration.initializer);
    if (!ts.isParameter(declaration)) return;
    const at = declaration.parent.parameters.indexOf(declaration);
    for (const call of this.#calls.get(declaration.parent) ?? []) {
      const argument = call.arguments[at] ?? declaration.initializer;
      if (argument !== undefined) this.#follow(argument);
    }
  }

  #add(code: string, node: ts.Node): void {
    if (!/^[a-z*][a-z0-9*]*(-[a-z0-9*]+)*$/.test(code)) return;
    const entry = this.#found.get(code) ?? { packages: new Set<string>() };
    entry.packages.add(packageOf(node));
    this.#found.set(code, entry);
  }
}

function packageOf(node: ts.Node): string {
  return relative(join(root, 'packages'), node.getSourceFile().fileName).split(sep)[0] ?? '';
}
