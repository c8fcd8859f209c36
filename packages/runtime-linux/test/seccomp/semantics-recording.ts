import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OciSeccomp } from '@gantry/oci';
import { expand, recordingsFolder, type Answers, type CompactAnswers } from './recording.ts';

export const semanticsFile = 'profile-semantics.json';

interface SemanticsFile {
  readonly engine: Readonly<Record<string, string>>;
  readonly cases: Readonly<Record<string, CompactAnswers>>;
}

/** Answers by case. */
export function readSemantics(): ReadonlyMap<string, Answers> {
  const file = JSON.parse(readFileSync(join(recordingsFolder, semanticsFile), 'utf8')) as SemanticsFile;
  return new Map(Object.entries(file.cases).map(([name, answers]) => [name, expand(answers)]));
}

/** A profile as a file has it. Numbers above 2^53 are written out, which JSON.stringify cannot. */
export function profileText(profile: OciSeccomp): string {
  return JSON.stringify(profile, (_key, value: unknown) => (typeof value === 'bigint' ? `#${value}#` : value)).replaceAll(/"#(\d+)#"/g, '$1');
}
