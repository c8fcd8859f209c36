import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SyscallAbi } from '../../src/seccomp/architecture.ts';
import { answer, questionsTo, type Question } from './bpf/answers.ts';
import type { Instruction } from './bpf/interpreter.ts';

/** What the filter of a container answered, by question: `x86_64 41(0x26)`, or `x86_64 0` where arguments do not matter. */
export type Answers = ReadonlyMap<string, string>;

/** How a container is started; all false and empty is the default. */
export interface Variant {
  readonly name: string;
  readonly privileged?: boolean;
  readonly unconfined?: boolean;
  readonly capDrop?: readonly string[];
  readonly capAdd?: readonly string[];
}

interface Changed {
  readonly variants: readonly string[];
  /** Against the base; null where a question of the base does not come up. */
  readonly changes: Readonly<Record<string, string | null>>;
}

/** Answers for reading and for small files: numbers as ranges by convention and answer, arguments in a row by call and answer. */
export interface CompactAnswers {
  readonly numbers: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly arguments: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The file: answers of the default container, and what is different in others. */
interface RecordingFile extends CompactAnswers {
  readonly engine: Readonly<Record<string, string>>;
  readonly filters: readonly Changed[];
  /** Variants that ran without any filter. */
  readonly unfiltered: readonly string[];
}

export interface Recording {
  readonly engine: Readonly<Record<string, string>>;
  /** Undefined answers: no filter. */
  readonly variants: ReadonlyMap<string, Answers | undefined>;
}

const isAbi = (value: string | undefined): value is SyscallAbi => ['x86_64', 'i386', 'x32', 'aarch64', 'arm'].includes(value ?? '');

const x86: readonly SyscallAbi[] = ['x86_64', 'i386', 'x32'];

export function questionText({ abi, nr, args }: Question, conditional: boolean): string {
  return conditional ? `${abi} ${nr}(${args.map((value) => `0x${value.toString(16)}`).join()})` : `${abi} ${nr}`;
}

export function parseQuestion(text: string): Question {
  const [, abi, nr, args = ''] = /^(\w+) (\d+)(?:\((.*)\))?$/.exec(text) ?? [];
  if (abi !== 'none' && !isAbi(abi)) throw new Error(`no question: ${text}`);
  return { abi, nr: Number(nr), args: args === '' ? [] : args.split(',').map(BigInt) };
}

export function answersOf(filter: readonly Instruction[], abis: readonly SyscallAbi[] = x86, numbers?: (abi: SyscallAbi) => readonly number[]): Answers {
  const questions = questionsTo(filter, abis, numbers);
  const ways = new Map<string, number>();
  for (const question of questions) ways.set(questionText(question, false), (ways.get(questionText(question, false)) ?? 0) + 1);
  return new Map(questions.map((question) => [questionText(question, (ways.get(questionText(question, false)) ?? 0) > 1), answer(filter, question)]));
}

/** 1, 2, 3, 7 as `1-3,7`. */
function rangesOf(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join();
}

function numbersOf(ranges: string): number[] {
  return ranges.split(',').flatMap((part) => {
    const [first = NaN, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

export function compact(answers: Answers): CompactAnswers {
  const numbers: Record<string, Record<string, number[]>> = {};
  const byArguments: Record<string, Record<string, string>> = {};
  for (const [text, given] of answers) {
    const [, abi = '', nr = '', args] = /^(\w+) (\d+)(\(.*\))?$/.exec(text) ?? [];
    if (args === undefined) ((numbers[abi] ??= {})[given] ??= []).push(Number(nr));
    else {
      const call: Record<string, string> = (byArguments[`${abi} ${nr}`] ??= {});
      call[given] = call[given] === undefined ? args : `${call[given]} ${args}`;
    }
  }
  const ranges = Object.entries(numbers).map(([abi, given]): [string, Record<string, string>] => [abi, Object.fromEntries(Object.entries(given).map(([text, list]) => [text, rangesOf(list)]))]);
  return { numbers: Object.fromEntries(ranges), arguments: byArguments };
}

export function expand(file: CompactAnswers): Map<string, string> {
  const answers = new Map<string, string>();
  for (const [abi, given] of Object.entries(file.numbers)) for (const [text, ranges] of Object.entries(given)) for (const nr of numbersOf(ranges)) answers.set(`${abi} ${nr}`, text);
  for (const [call, given] of Object.entries(file.arguments)) for (const [text, list] of Object.entries(given)) for (const args of list.split(' ')) answers.set(`${call}${args}`, text);
  return answers;
}

export function encode(engine: Readonly<Record<string, string>>, recorded: ReadonlyMap<string, Answers | undefined>, base: string): RecordingFile {
  const basis = recorded.get(base);
  if (basis === undefined) throw new Error(`${base} has no filter`);
  const filters = new Map<string, { variants: string[]; changes: Record<string, string | null> }>();
  for (const [name, answers] of recorded) {
    if (answers === undefined) continue;
    const changes: Record<string, string | null> = {};
    for (const [text, given] of answers) if (basis.get(text) !== given) changes[text] = given;
    for (const text of basis.keys()) if (!answers.has(text)) changes[text] = null;
    const key = JSON.stringify(changes);
    const found = filters.get(key);
    if (found === undefined) filters.set(key, { variants: [name], changes });
    else found.variants.push(name);
  }
  return { engine, ...compact(basis), filters: [...filters.values()], unfiltered: [...recorded].filter(([, answers]) => answers === undefined).map(([name]) => name) };
}

function decode(file: RecordingFile): Recording {
  const basis = expand(file);
  const variants = new Map<string, Answers | undefined>(file.unfiltered.map((name) => [name, undefined]));
  for (const { variants: names, changes } of file.filters) {
    const answers = new Map(basis);
    for (const [text, given] of Object.entries(changes)) {
      if (given === null) answers.delete(text);
      else answers.set(text, given);
    }
    for (const name of names) variants.set(name, answers);
  }
  return { engine: file.engine, variants };
}

/** `key=value` words. */
export function factsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word): [string, string] => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
}

export const recordingsFolder: string = join(import.meta.dirname, 'recordings');

export function readRecording(name: string): Recording {
  return decode(JSON.parse(readFileSync(join(recordingsFolder, name), 'utf8')) as RecordingFile);
}
