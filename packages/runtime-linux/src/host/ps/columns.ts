import { totalmem } from 'node:os';
import type { ProcessInfo } from './process-info.ts';

/** Names of users and groups by number. */
export interface Names {
  readonly user: (uid: number) => string;
  readonly group: (gid: number) => string;
}

/** One column as ps(1) has it. */
export interface Column {
  readonly title: string;
  readonly value: (process: ProcessInfo, names: Names) => string;
}

const column = (title: string, value: Column['value']): Column => ({ title, value });

const percent = (part: number, whole: number): string => (whole > 0 ? (100 * part) / whole : 0).toFixed(1);

/** `[days-]hours:minutes:seconds` */
export function longTime(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60].map(pad).join(':');
  return days > 0 ? `${days}-${clock}` : clock;
}

/** `[[days-]hours:]minutes:seconds` */
export function elapsedTime(seconds: number): string {
  return seconds >= 3600 ? longTime(seconds) : longTime(seconds).slice(3);
}

/** Time of day for today, else the day, else the year. */
export function startTime(startedAt: Date, now: Date): string {
  const sameYear = startedAt.getFullYear() === now.getFullYear();
  if (now.getTime() - startedAt.getTime() < 86_400_000 && startedAt.getDate() === now.getDate()) return `${pad(startedAt.getHours())}:${pad(startedAt.getMinutes())}`;
  return sameYear ? `${month(startedAt)}${pad(startedAt.getDate())}` : String(startedAt.getFullYear());
}

function month(date: Date): string {
  return ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][date.getMonth()] ?? '';
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

/** State and what else is remarkable, as BSD has it. */
function stat({ state, nice, lockedMemory, sid, pid, threads, foreground }: ProcessInfo): string {
  return `${state}${nice < 0 ? '<' : ''}${nice > 0 ? 'N' : ''}${lockedMemory ? 'L' : ''}${sid === pid ? 's' : ''}${threads > 1 ? 'l' : ''}${foreground ? '+' : ''}`;
}

const user = column('USER', ({ euid }, names) => names.user(euid));
const time = column('TIME', ({ cpuTime }) => longTime(cpuTime));
const tty = column('TTY', (process) => process.tty);
const cpu = column('%CPU', ({ cpuTime, elapsed }) => percent(cpuTime, elapsed));
const memory = column('%MEM', ({ rss }) => percent(rss, totalmem()));
const vsz = column('VSZ', (process) => String(Math.round(process.vsz / 1024)));
const rss = column('RSS', (process) => String(Math.round(process.rss / 1024)));
const args = column('COMMAND', (process) => process.args);
const comm = column('COMMAND', (process) => process.comm);
const state = column('S', (process) => process.state);
const nice = column('NI', (process) => String(process.nice));
const stime = column('STIME', ({ startedAt }) => startTime(startedAt, new Date()));
const group = column('GROUP', ({ egid }, names) => names.group(egid));

/** By the names that `-o` takes. */
export const columns: ReadonlyMap<string, Column> = new Map<string, Column>([
  ['pid', column('PID', ({ pid }) => String(pid))],
  ['ppid', column('PPID', ({ ppid }) => String(ppid))],
  ['pgid', column('PGID', ({ pgid }) => String(pgid))],
  ['pgrp', column('PGRP', ({ pgid }) => String(pgid))],
  ['sid', column('SID', ({ sid }) => String(sid))],
  ['sess', column('SESS', ({ sid }) => String(sid))],
  ['uid', column('UID', ({ euid }) => String(euid))],
  ['euid', column('EUID', ({ euid }) => String(euid))],
  ['ruid', column('RUID', ({ ruid }) => String(ruid))],
  ['gid', column('GID', ({ egid }) => String(egid))],
  ['rgid', column('RGID', ({ rgid }) => String(rgid))],
  ['user', user],
  ['euser', { ...user, title: 'EUSER' }],
  ['ruser', column('RUSER', ({ ruid }, names) => names.user(ruid))],
  ['group', group],
  ['egroup', { ...group, title: 'EGROUP' }],
  ['rgroup', column('RGROUP', ({ rgid }, names) => names.group(rgid))],
  ['comm', comm],
  ['ucmd', { ...comm, title: 'CMD' }],
  ['ucomm', comm],
  ['args', args],
  ['command', args],
  ['cmd', { ...args, title: 'CMD' }],
  ['stat', column('STAT', stat)],
  ['state', state],
  ['s', state],
  ['tty', { ...tty, title: 'TT' }],
  ['tt', { ...tty, title: 'TT' }],
  ['tname', tty],
  ['time', time],
  ['cputime', time],
  ['etime', column('ELAPSED', ({ elapsed }) => elapsedTime(elapsed))],
  ['etimes', column('ELAPSED', ({ elapsed }) => String(Math.floor(elapsed)))],
  ['stime', stime],
  ['start_time', { ...stime, title: 'START' }],
  ['lstart', column('STARTED', ({ startedAt }) => startedAt.toString().replace(/^(\w+ \w+ \d+) (\d+) ([\d:]+).*/, '$1 $3 $2'))],
  ['pcpu', cpu],
  ['%cpu', cpu],
  ['c', column('C', ({ cpuTime, elapsed }) => String(Math.floor((100 * cpuTime) / Math.max(elapsed, 1))))],
  ['pmem', memory],
  ['%mem', memory],
  ['vsz', vsz],
  ['vsize', vsz],
  ['rss', rss],
  ['rssize', rss],
  ['rsz', { ...rss, title: 'RSZ' }],
  ['sz', column('SZ', (process) => String(Math.round(process.vsz / 4096)))],
  ['nice', nice],
  ['ni', nice],
  ['pri', column('PRI', ({ priority }) => String(39 - priority))],
  ['nlwp', column('NLWP', ({ threads }) => String(threads))],
  ['thcount', column('THCNT', ({ threads }) => String(threads))],
  ['f', column('F', ({ flags }) => ((flags >> 6) & 7).toString(8))],
  ['wchan', column('WCHAN', () => '-')],
  ['addr', column('ADDR', () => '-')],
  ['bsdtime', column('TIME', ({ cpuTime }) => `${Math.floor(cpuTime / 60)}:${pad(Math.floor(cpuTime) % 60)}`)],
]);
