import { existsSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const conditions = ['@gantry/source', 'node', 'import', 'module', 'default'];
// Real kernels under load: what fails once and then holds is told as flaky, not as broken.
const retry = process.env['CI'] === 'true' ? 1 : 0;
const execArgv = ['--conditions=@gantry/source', '--disable-warning=ExperimentalWarning'];

/** One vitest for the repository; `vitest run --project engine` runs one package. No build is needed. */
export default defineConfig({
  test: {
    projects: [
      ...readdirSync('packages')
        .filter((name) => existsSync(`packages/${name}/test`))
        .map((name) => ({
          root: `./packages/${name}`,
          ssr: { resolve: { conditions } },
          test: { name, include: ['test/**/*.test.ts'], execArgv, testTimeout: 30_000, hookTimeout: 60_000, retry },
        })),
      // What was built, as users run it.
      { root: './test', test: { name: 'docs', include: ['docs/**/*.test.ts'] } },
      { root: './test', test: { name: 'e2e', include: ['e2e/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000 } },
    ],
  },
});
