import { globSync } from 'node:fs';
import { join } from 'node:path';
import js from '@eslint/js';
import vitest from '@vitest/eslint-plugin';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import boundaries from 'eslint-plugin-boundaries';
import importXPlugin, { flatConfigs as importX } from 'eslint-plugin-import-x';
import n from 'eslint-plugin-n';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { layers } from './tools/layers.js';

const packages = globSync('packages/*', { cwd: import.meta.dirname }).map((p) => join(import.meta.dirname, p));
const ts = ['packages/**/*.ts', 'tools/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'];
const resolver = { project: ['packages/*/tsconfig.json', 'tsconfig.json'], noWarnOnMultipleProjects: true };

export default defineConfig(
  globalIgnores(['**/dist', '**/.turbo', '**/target', '**/bin-native', '**/*.config.ts', '**/generated']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  n.configs['flat/recommended-module'],
  // TypeScript and import-x check imports better; `n` is here for what Node versions have.
  { rules: { 'n/no-missing-import': 'off', 'n/hashbang': 'off', 'n/no-unpublished-import': 'off', 'n/no-extraneous-import': 'off', 'n/no-process-exit': 'off', 'n/no-unsupported-features/node-builtins': ['error', { ignores: ['sqlite'] }] } },
  {
    files: ts,
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked, importX.typescript],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver(resolver)] },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // isolatedDeclarations asks for the types that matter.
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // A seam says Promise even where one driver has nothing to wait for: `async` is then the shortest honest form.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      'import-x/no-cycle': 'error',
      'import-x/no-extraneous-dependencies': ['error', { devDependencies: ['**/test/**', '**/bench/**', '**/examples/**', '**/tools/**'], packageDir: [import.meta.dirname, ...packages] }],
    },
    plugins: { 'import-x': importXPlugin },
  },
  {
    // Who may import whom: the table of docs/architecture.md, one entry a package.
    files: ['packages/*/src/**/*.ts'],
    plugins: { boundaries },
    settings: {
      'import/resolver': { typescript: resolver },
      'boundaries/root-path': import.meta.dirname,
      'boundaries/elements': Object.keys(layers).map((name) => ({ type: name, pattern: `packages/${name}` })),
    },
    rules: {
      'boundaries/dependencies': ['error', {
        default: 'disallow',
        checkAllOrigins: false,
        policies: Object.entries(layers)
          .filter(([, may]) => may.length > 0)
          .map(([name, may]) => ({ from: { element: { types: name } }, allow: { to: { element: { types: may } } } })),
      }],
    },
  },
  { files: ['**/test/**/*.ts'], extends: [vitest.configs.recommended], rules: { 'vitest/valid-title': 'off', 'vitest/valid-expect': ['error', { maxArgs: 2 }], 'vitest/expect-expect': 'off', 'vitest/no-conditional-expect': 'off', '@typescript-eslint/no-non-null-assertion': 'off' } },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
);
