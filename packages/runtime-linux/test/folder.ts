import { mkdtempSync, rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync('/tmp/gantry-test-rt-');
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}
