import { globSync } from 'node:fs';
import { defineConfig } from 'tsup';

/**
 * The build of a library package, run from its folder: `src/index.ts`, each `src/<subpath>/index.ts` that `exports` names,
 * `src/bin.ts`, and every `*.worker.ts` (flat in `dist`, so that `new URL('./x.worker.js', import.meta.url)` finds it from any chunk).
 */
export function library(extra: readonly string[] = []): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry: [...globSync('src/{index,bin,*.worker}.ts'), ...extra],
    format: ['esm'],
    target: 'node24',
    platform: 'node',
    dts: false,
    // node:sqlite has no name without its prefix.
    removeNodeProtocol: false,
    splitting: true,
    sourcemap: true,
    clean: true,
  });
}
