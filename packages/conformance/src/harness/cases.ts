/** What a runner has to offer: `test` of node:test and of vitest do. */
export type TestFunction = (name: string, options: { timeout: number }, fn: () => Promise<void>) => unknown;

/** How the driver is reached: as it is, or through a port that clones every value. */
export type Mode = 'direct' | 'proxied';

/** One promise and its proof. `F` is what a kit gives its cases, fresh for each. */
export interface Case<F> {
  readonly suite: string;
  readonly name: string;
  /** Milliseconds; 120,000 unless told: machines that run tests are busy ones. */
  readonly timeout?: number;
  /** Only makes sense without a proxy: it kills the process that the driver is in. */
  readonly only?: 'direct';
  readonly run: (fixture: F) => Promise<void>;
}

/** Adds a case to the suite that is being written down. */
export type Define<F> = (name: string, run: (fixture: F) => Promise<void>, o?: Pick<Case<F>, 'timeout' | 'only'>) => void;

/** A suite, written as runners have it. */
export function casesOf<F>(describe: (it: Define<F>) => void): readonly Omit<Case<F>, 'suite'>[] {
  const out: Omit<Case<F>, 'suite'>[] = [];
  describe((name, run, o) => void out.push({ name, run, ...o }));
  return out;
}

/** A case bound to what it runs on. */
export interface BoundCase {
  readonly suite: string;
  readonly title: string;
  readonly timeout: number;
  readonly run: () => Promise<void>;
}

/** @param open Makes what a case runs on; disposed of after each, whatever happened. */
export function bind<F extends AsyncDisposable>(cases: readonly Case<F>[], modes: readonly Mode[], open: (mode: Mode) => Promise<F>): BoundCase[] {
  return modes.flatMap((mode) =>
    cases
      .filter((c) => c.only === undefined || c.only === mode)
      .map((c) => ({
        suite: c.suite,
        title: `${c.suite}${mode === 'proxied' ? ' (proxied)' : ''}: ${c.name}`,
        timeout: c.timeout ?? 120_000,
        run: async () => await runOn(await open(mode), c.run),
      })),
  );
}

/** The failure of a case is what its reader wants to see, not that of the cleaning up after it. */
async function runOn<F extends AsyncDisposable>(fixture: F, run: (fixture: F) => Promise<void>): Promise<void> {
  try {
    await run(fixture);
  } catch (e) {
    await Promise.allSettled([fixture[Symbol.asyncDispose]()]);
    throw e;
  }
  await fixture[Symbol.asyncDispose]();
}

/** Hands cases to a runner. */
export function register(test: TestFunction, cases: readonly BoundCase[]): void {
  for (const { title, timeout, run } of cases) test(title, { timeout }, run);
}
