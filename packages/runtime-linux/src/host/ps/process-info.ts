import { readdir, readFile } from 'node:fs/promises';
import { errnoOf } from '../../state/guard.ts';

/** One process as /proc shows it (proc_pid_stat(5)). Times in seconds, sizes in bytes. */
export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly ruid: number;
  readonly euid: number;
  readonly rgid: number;
  readonly egid: number;
  /** At most 15 bytes. */
  readonly comm: string;
  /** The whole command line; of a kernel thread or a zombie, its name in brackets. */
  readonly args: string;
  readonly state: string;
  readonly tty: string;
  readonly foreground: boolean;
  readonly threads: number;
  readonly lockedMemory: boolean;
  readonly priority: number;
  readonly nice: number;
  readonly flags: number;
  readonly cpuTime: number;
  readonly startedAt: Date;
  readonly elapsed: number;
  readonly vsz: number;
  readonly rss: number;
}

/** Read in pieces, so that a machine with many processes does not open all their files at once. */
const parallel = 32;

/** USER_HZ: the same on every architecture that containers run on. */
const ticksPerSecond = 100;

const pageBytes = 4096;

/** All processes of the machine, by pid. One that ends meanwhile is left out. */
export async function allProcesses(): Promise<ProcessInfo[]> {
  const bootTime = bootSeconds(await readFile('/proc/stat', 'utf8'));
  const now = Date.now() / 1000;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number).sort((a, b) => a - b);
  const found: ProcessInfo[] = [];
  for (let first = 0; first < pids.length; first += parallel) {
    const some = await Promise.all(pids.slice(first, first + parallel).map((pid) => readProcess(pid, bootTime, now)));
    found.push(...some.flatMap((info) => (info === undefined ? [] : [info])));
  }
  return found;
}

async function readProcess(pid: number, bootTime: number, now: number): Promise<ProcessInfo | undefined> {
  try {
    const [stat, status, cmdline] = await Promise.all(['stat', 'status', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')));
    return parseProcess({ stat: stat ?? '', status: status ?? '', cmdline: cmdline ?? '' }, bootTime, now);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** @param bootTime and `now` in seconds since the epoch */
export function parseProcess(files: { readonly stat: string; readonly status: string; readonly cmdline: string }, bootTime: number, now: number): ProcessInfo | undefined {
  // The name may contain spaces and parentheses: it ends at the last one.
  const [open, close] = [files.stat.indexOf('('), files.stat.lastIndexOf(')')];
  if (open === -1 || close === -1) return undefined;
  const comm = printable(files.stat.slice(open + 1, close));
  const fields = files.stat.slice(close + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0); // numbered as in the manual, from 1
  const ids = (name: string): [number, number] => {
    const [, real = '0', effective = '0'] = new RegExp(`^${name}:\\s*(\\d+)\\s+(\\d+)`, 'm').exec(files.status) ?? [];
    return [Number(real), Number(effective)];
  };
  const [[ruid, euid], [rgid, egid]] = [ids('Uid'), ids('Gid')];
  const state = fields[0] ?? '?';
  const startedAt = bootTime + field(22) / ticksPerSecond;
  const words = printable(files.cmdline.replace(/\0+$/, '').replaceAll('\0', ' '));
  return {
    pid: Number(files.stat.slice(0, open - 1)),
    ppid: field(4),
    pgid: field(5),
    sid: field(6),
    ruid,
    euid,
    rgid,
    egid,
    comm,
    args: words !== '' ? words : state === 'Z' ? `[${comm}] <defunct>` : `[${comm}]`,
    state,
    tty: terminal(field(7)),
    foreground: field(8) !== -1 && field(8) === field(5),
    threads: field(20),
    lockedMemory: /^VmLck:\s*[1-9]/m.test(files.status),
    priority: field(18),
    nice: field(19),
    flags: field(9),
    cpuTime: (field(14) + field(15)) / ticksPerSecond,
    startedAt: new Date(startedAt * 1000),
    elapsed: Math.max(0, now - startedAt),
    vsz: field(23),
    rss: field(24) * pageBytes,
  };
}

function bootSeconds(stat: string): number {
  return Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0);
}

/** By device number (admin-guide/devices); `?`: none. */
function terminal(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return '?';
}

/** What a process calls itself is its own choice, and goes to a terminal. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
