import { availableParallelism } from 'node:os';
import { crateCounts, noCounts, vitestCounts, type Counts } from './counts.ts';

/** A part of the checks that runs by itself, side by side with others. */
export interface Lane {
  readonly name: string;
  /** Commands, one after the other; the lane fails with the first that fails. */
  readonly commands: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  /** Runs only where `CI=true`: takes long, or needs what only that machine has. */
  readonly long?: boolean;
  /** What its output says of single tests; a lane without tests counts as one. */
  counts(output: string): Counts;
}

const json = (name: string): string => `.cache/test/${name}.json`;

const vitest = (name: string, ...args: readonly string[]): Lane => ({
  name,
  commands: [['vitest', 'run', '--reporter=json', `--outputFile=${json(name)}`, ...args]],
  counts: () => vitestCounts(json(name)),
});

const native = 'packages/linux/native/Cargo.toml';
const hello = 'packages/hello-image/native/Cargo.toml';

export const lanes: readonly Lane[] = [
  vitest('unit', '--project=!e2e', '--maxWorkers=2'),
  vitest('e2e', '--project=e2e', '--maxWorkers=1'),
  { name: 'lint', commands: [['eslint', '.'], ['sh', 'tools/check-words.sh']], counts: noCounts },
  { name: 'types', commands: [['turbo', 'run', 'typecheck', `--concurrency=${availableParallelism()}`, '--output-logs=errors-only'], ['tsc', '-p', 'tsconfig.json']], counts: noCounts },
  { name: 'packages', commands: [['knip'], ['syncpack', 'lint'], ['node', 'tools/test/check-packages.ts']], counts: noCounts },
  {
    name: 'native',
    commands: [native, hello].flatMap((manifest) => [
      ['cargo', 'fmt', '--check', '--manifest-path', manifest],
      ['cargo', 'clippy', '--quiet', '--locked', '--all-targets', '--manifest-path', manifest, '--', '-D', 'warnings'],
      ['cargo', 'test', '--quiet', '--locked', '--manifest-path', manifest],
    ]),
    counts: crateCounts,
  },
  { name: 'fresh-clone', long: true, commands: [['sh', 'test/fresh-clone.sh']], counts: noCounts },
  { name: 'arm64', long: true, commands: [['node', 'tools/build-native.js', 'arm64']], env: { GANTRY_ALL_TARGETS: '1' }, counts: noCounts },
];
