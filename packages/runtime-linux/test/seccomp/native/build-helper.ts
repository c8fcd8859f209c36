import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether the helper can be built and can do anything here: Linux on x86_64, root, a Rust compiler. */
export const helperPossible: boolean = process.platform === 'linux' && process.arch === 'x64' && process.getuid?.() === 0 && spawnSync('rustc', ['--version']).status === 0;

export interface Helper {
  readonly path: string;
  /** Removes it. */
  [Symbol.dispose](): void;
}

/** Compiles `seccomp-helper.rs` to a temporary folder; takes about a second. */
export function buildHelper(): Helper {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-test-seccomp-'));
  const path = join(folder, 'seccomp-helper');
  const built = spawnSync('rustc', ['-O', '--edition', '2021', '-C', 'panic=abort', '-o', path, join(import.meta.dirname, 'seccomp-helper.rs')], { encoding: 'utf8' });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  if (built.status !== 0) {
    remove();
    throw new Error(`rustc: ${built.stderr}`);
  }
  return { path, [Symbol.dispose]: remove };
}
