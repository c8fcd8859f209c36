import { mkdtempSync, rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { DriverContext, LogEntry, Logger, LogQuery } from '@gantry/driver-api';

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync('/tmp/gantry-test-log-');
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** A line as a keeper writes it. `at` is the nanosecond of 2026-01-01. */
export function jsonLine(log: string, at: number, stream: 'stdout' | 'stderr' = 'stdout', attrs?: Record<string, string>): string {
  return `${JSON.stringify({ log, stream, ...(attrs === undefined ? {} : { attrs }), time: time(at) })}\n`;
}

export function time(at: number): string {
  return `2026-01-01T00:00:00.${String(at).padStart(9, '0')}Z`;
}

export const everything: LogQuery = { follow: false, fds: [1, 2] };

export async function texts(entries: AsyncIterable<LogEntry>): Promise<string[]> {
  const all: string[] = [];
  for await (const { line } of entries) all.push(Buffer.from(line).toString());
  return all;
}

/** Remembers warnings. */
export function context(stateDir: string): { readonly context: DriverContext; readonly warnings: object[] } {
  const warnings: object[] = [];
  const nothing = (): void => undefined;
  const log: Logger = { debug: nothing, info: nothing, warn: (o) => { warnings.push(o); }, error: nothing, child: () => log };
  return {
    warnings,
    context: { instance: '00000000', session: 's', bootId: 'b', domain: 'local', stateDir, runDir: stateDir, log, signal: new AbortController().signal },
  };
}
