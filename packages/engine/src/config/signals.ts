import { GantryError } from '@gantry/errors';

/** signal(7), Linux on all its common architectures. The containers' machine counts, not this one. */
const numbers: Readonly<Record<string, number>> = {
  HUP: 1, INT: 2, QUIT: 3, ILL: 4, TRAP: 5, ABRT: 6, IOT: 6, BUS: 7, FPE: 8, KILL: 9, USR1: 10, SEGV: 11, USR2: 12, PIPE: 13, ALRM: 14, TERM: 15, STKFLT: 16,
  CHLD: 17, CLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22, URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29, POLL: 29, PWR: 30, SYS: 31,
};
const rtMin = 34;
const rtMax = 64;

export const sigkill = 9;
export const sigterm = 15;

/**
 * The number of a signal given as `SIGTERM`, `term`, `15` or `RTMIN+3`.
 * @throws GantryError invalid `bad-signal`.
 */
export function signalNumber(text: string): number {
  const name = text.trim().toUpperCase().replace(/^SIG/, '');
  const number = /^\d{1,2}$/.test(name) ? Number(name) : (numbers[name] ?? realTime(name));
  if (number === undefined || number < 1 || number > rtMax) throw new GantryError('invalid', 'bad-signal', `invalid signal: ${text}`, { details: { signal: text } });
  return number;
}

function realTime(name: string): number | undefined {
  const [, base, sign, offset = '0'] = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (base === 'RTMIN' && sign !== '-') return inRange(rtMin + Number(offset));
  if (base === 'RTMAX' && sign !== '+') return inRange(rtMax - Number(offset));
  return undefined;
}

function inRange(n: number): number | undefined {
  return n >= rtMin && n <= rtMax ? n : undefined;
}
