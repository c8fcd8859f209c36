import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GantryError } from '@gantry/errors';
import { isMissing, trustedFolder } from './trusted-path.ts';

/** npm's rule for names, without the old exceptions: no relative path, no subpath, nothing that starts with a dot. */
const packageName = /^(?:@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*$/;

/** What `import` of a package asks for in Node (Node.js documentation, "Conditional exports"). */
const conditions: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default']);

export interface ResolveOptions {
  /** Absolute; its `node_modules` is the first place to look. */
  readonly pluginDir?: string | undefined;
  /** How the composition root resolves a name: `(name) => import.meta.resolve(name)`. */
  readonly resolveFrom?: ((name: string) => string) | undefined;
}

/**
 * The URL of a package's main module: from the plugin folder, then from the composition root. Never from the working
 * directory, its parents or NODE_PATH, where anybody may have put a package of that name.
 *
 * @throws GantryError invalid `plugin-config`: neither a package's name nor an absolute path. notFound `plugin-not-installed`.
 *   forbidden `plugin-not-trusted`. invalid `plugin-broken`: its package.json names no module.
 */
export async function resolvePlugin(source: string, where: string, options: ResolveOptions): Promise<string> {
  const looked: string[] = [];
  if (isAbsolute(source)) {
    looked.push(source);
    const url = await fromFolder(source);
    if (url !== undefined) return url;
  } else if (packageName.test(source)) {
    if (options.pluginDir !== undefined) {
      looked.push(join(options.pluginDir, 'node_modules'));
      const url = await fromFolder(join(options.pluginDir, 'node_modules', source));
      if (url !== undefined) return url;
    }
    if (options.resolveFrom !== undefined) {
      looked.push('the packages that come with Gantry');
      const url = fromRoot(source, options.resolveFrom);
      if (url !== undefined) return url;
    }
  } else {
    throw new GantryError('invalid', 'plugin-config', `${where}: ${JSON.stringify(source)} is neither the name of a package nor an absolute path`, { details: { where } });
  }
  throw new GantryError('notFound', 'plugin-not-installed', `${where}: there is no plugin ${source} (looked in ${looked.join(', ') || 'no place at all'}): install it by "gantry plugins install ${source}"`, {
    details: { where, plugin: source },
  });
}

/** A package that is not there, and nothing else, is `undefined`. */
function fromRoot(name: string, resolveFrom: (name: string) => string): string | undefined {
  try {
    return resolveFrom(name);
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw new GantryError('invalid', 'plugin-broken', `plugin ${name} has no main module`, { cause: e, details: { plugin: name } });
  }
}

async function fromFolder(folder: string): Promise<string | undefined> {
  const real = await trustedFolder(folder);
  if (real === undefined) return undefined;
  const main = mainModule(await readManifest(real));
  const path = main === undefined ? undefined : resolve(real, main);
  if (path?.startsWith(real + sep) !== true) {
    throw new GantryError('invalid', 'plugin-broken', `the package.json in ${real} names no module to import: it needs "exports" or "main"`, { details: { plugin: real } });
  }
  return pathToFileURL(path).href;
}

async function readManifest(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  } catch (e) {
    const what = isMissing(e) ? 'has no package.json' : 'has a package.json that cannot be read';
    throw new GantryError('invalid', 'plugin-broken', `${folder} ${what}: install the plugin again`, { cause: e, details: { plugin: folder } });
  }
}

/** Node.js documentation, "Package entry points": `exports` wins over `main`. */
function mainModule(manifest: unknown): string | undefined {
  if (!isRecord(manifest)) return undefined;
  const { exports, main } = manifest;
  if (exports === undefined) return typeof main === 'string' ? main : undefined;
  return target(isRecord(exports) && '.' in exports ? exports['.'] : exports);
}

function target(value: unknown): string | undefined {
  if (typeof value === 'string') return value.startsWith('./') ? value : undefined;
  if (Array.isArray(value)) return value.map(target).find((t) => t !== undefined);
  if (!isRecord(value)) return undefined;
  for (const [condition, next] of Object.entries(value)) {
    const found = conditions.has(condition) ? target(next) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
