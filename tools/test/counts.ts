import { readFileSync } from 'node:fs';

export interface Skip {
  readonly name: string;
  readonly file: string;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skip[];
  /** Names of what failed. */
  readonly failures: readonly string[];
}

const nothing: Counts = { passed: 0, failed: 0, skipped: [], failures: [] };

export const noCounts = (): Counts => nothing;

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** From the file that `vitest --reporter=json` writes. A file of tests that failed to load is one failure. */
export function vitestCounts(path: string): Counts {
  let report: VitestReport;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  } catch {
    // The lane itself has failed then, and says so.
    return nothing;
  }
  const tests = report.testResults.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
  const broken = report.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'));
  const failed = tests.filter((test) => test.status === 'failed');
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    failed: failed.length + broken.length,
    skipped: tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => ({ name: test.fullName, file: test.file })),
    failures: [...failed.map((test) => `${test.file}: ${test.fullName}`), ...broken.map((file) => `${file.name}: ${file.message.split('\n')[0] ?? ''}`)],
  };
}

/** From the closing lines of `cargo test`. */
export function crateCounts(output: string): Counts {
  let [passed, failed] = [0, 0];
  for (const [, p, f] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)) {
    passed += Number(p);
    failed += Number(f);
  }
  return { ...nothing, passed, failed };
}
