import { defineConfig } from 'tsup';

// The CLI ships as bundles, oclif's core included: 80 files fewer to open at each start.
// Not typescript, which oclif's core requires lazily (3.6 MB): noExternal wins over external, so both name it. Not the
// engine, which is started, never bundled.
const shared = { target: 'node24', platform: 'node', dts: false, removeNodeProtocol: false, minify: true, sourcemap: false, external: ['typescript', /^@gantry\/daemon/] } as const;

export default defineConfig([
  {
    ...shared,
    entry: ['src/index.ts', 'src/main.ts', 'src/commands/**/*.ts'],
    format: ['esm'],
    splitting: true,
    noExternal: [/^(?!typescript$|@gantry\/daemon)/],
    banner: {
      js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url); const __filename = import.meta.filename, __dirname = import.meta.dirname;",
    },
  },
  { ...shared, entry: ['src/gantry.ts'], format: ['cjs'], noExternal: [/^@gantry\/(?!daemon)/], shims: true, splitting: false },
]);
