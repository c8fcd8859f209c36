import type { Handler } from './handler.ts';

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** `/containers/{id}/json`; `{name...}` takes one segment or more, for names with slashes. */
  readonly path: string;
  readonly handle: Handler;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

type Part = { readonly literal: string } | { readonly name: string; readonly many: boolean };

interface Compiled {
  readonly route: Route;
  readonly parts: readonly Part[];
}

function compile(route: Route): Compiled {
  const parts = route.path.slice(1).split('/').map((text): Part => {
    const name = /^\{(\w+)(\.{3})?\}$/.exec(text);
    return name === null ? { literal: text } : { name: name[1] ?? '', many: name[2] !== undefined };
  });
  return { route, parts };
}

function match(parts: readonly Part[], segments: readonly string[]): Record<string, string> | undefined {
  const spare = segments.length - parts.length;
  const hasMany = parts.some((part) => 'many' in part && part.many);
  if (spare < 0 || (spare > 0 && !hasMany)) return undefined;
  const params: Record<string, string> = {};
  let at = 0;
  for (const part of parts) {
    const taken = segments.slice(at, at + ('many' in part && part.many ? spare + 1 : 1)).join('/');
    if ('literal' in part) {
      if (taken !== part.literal) return undefined;
      at += 1;
    } else {
      if (taken === '') return undefined;
      params[part.name] = taken;
      at += part.many ? spare + 1 : 1;
    }
  }
  return params;
}

/** Finds the route of a path without a regular expression over it. The first that fits wins. */
export class Router {
  /** By method and first segment. */
  private readonly routes = new Map<string, Compiled[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const compiled = compile(route);
      const [first] = compiled.parts;
      const key = `${route.method} ${first !== undefined && 'literal' in first ? first.literal : ''}`;
      this.routes.set(key, [...(this.routes.get(key) ?? []), compiled]);
    }
  }

  /** `path` begins with a slash, and is decoded. */
  find(method: string, path: string): Match | undefined {
    const segments = path.slice(1).split('/');
    for (const { route, parts } of this.routes.get(`${method} ${segments[0] ?? ''}`) ?? []) {
      const params = match(parts, segments);
      if (params !== undefined) return { route, params };
    }
    return undefined;
  }
}
