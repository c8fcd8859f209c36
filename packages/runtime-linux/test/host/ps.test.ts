import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { parsePsArguments } from '../../src/host/ps/arguments.ts';
import { elapsedTime, longTime, startTime } from '../../src/host/ps/columns.ts';
import { parseProcess } from '../../src/host/ps/process-info.ts';
import { ps } from '../../src/host/ps/ps.ts';

describe('parsePsArguments', () => {
  it.each([
    [[], 'PID TTY TIME CMD'],
    [['-e'], 'PID TTY TIME CMD'],
    [['-ef'], 'UID PID PPID C STIME TTY TIME CMD'],
    [['-e', '-f', '-ww'], 'UID PID PPID C STIME TTY TIME CMD'],
    [['aux'], 'USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND'],
    [['ax'], 'PID TTY STAT TIME COMMAND'],
    [['-el'], 'F S UID PID PPID C PRI NI ADDR SZ WCHAN TTY TIME CMD'],
    [['-eo', 'pid,user,args'], 'PID USER COMMAND'],
    [['-eopid,cmd'], 'PID CMD'],
    [['-o', 'pid', '-o', 'user,ppid=PARENT,1'], 'PID USER PARENT,1'],
    [['axo pid,stat,%mem'], 'PID STAT %MEM'],
  ])('%j', (args, titles) => {
    expect(parsePsArguments(args).map(({ title }) => title).join(' ')).toBe(titles);
  });

  it.each([['-Z'], ['-'], ['--forest'], ['q'], ['-o'], ['-o', 'nosuch'], ['-o', 'pid,'], ['-ef;reboot']])('refuses %j', (...args) => {
    expect(() => parsePsArguments(args)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'ps-argument-unknown' }));
  });
});

describe('times', () => {
  it('are written as ps writes them', () => {
    expect([0, 59, 3661, 90_061].map(longTime)).toEqual(['00:00:00', '00:00:59', '01:01:01', '1-01:01:01']);
    expect([0, 61, 3661].map(elapsedTime)).toEqual(['00:00', '01:01', '01:01:01']);
    const now = new Date(2026, 5, 15, 12, 0);
    expect(startTime(new Date(2026, 5, 15, 9, 5), now)).toBe('09:05');
    expect(startTime(new Date(2026, 5, 14, 13, 0), now)).toBe('Jun14');
    expect(startTime(new Date(2025, 1, 1), now)).toBe('2025');
  });
});

describe('parseProcess', () => {
  it('takes a name with spaces and parentheses, and makes control characters visible', () => {
    const fields = ['S', 1, 2, 2, 34816, 2, 0, 0, 0, 0, 0, 150, 50, 0, 0, 20, 0, 3, 0, 500, 8192, 2, ...Array.from({ length: 30 }, () => 0)];
    const info = parseProcess({ stat: `2 (a) b (c) ${fields.join(' ')}`, status: 'Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nVmLck:\t       4 kB\n', cmdline: 'x\0y\u001b[31m\0\0' }, 1000, 1010);
    expect(info).toMatchObject({ pid: 2, ppid: 1, comm: 'a) b (c', args: 'x y?[31m', tty: 'pts/0', foreground: true, threads: 3, cpuTime: 2, elapsed: 5, ruid: 1, euid: 2, rgid: 5, egid: 6, lockedMemory: true, vsz: 8192, rss: 8192 });
    expect(parseProcess({ stat: 'nonsense', status: '', cmdline: '' }, 0, 0)).toBeUndefined();
  });
});

describe('ps', () => {
  it('shows this machine, as this process knows it', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    try {
      const { titles, rows } = await ps(['-eo', 'pid,ppid,user,args']);
      expect(titles).toEqual(['PID', 'PPID', 'USER', 'COMMAND']);
      expect(rows).toContainEqual([String(child.pid), String(process.pid), 'root', 'sleep 1000']);
      expect(rows.some(([pid]) => pid === '1')).toBe(true);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
