import { isGantryError } from '@gantry/errors';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createNetServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { socketGroup } from '../src/server/group.ts';
import { clearSocket, listen } from '../src/server/listen.ts';
import { removePidfile, writePidfile } from '../src/server/pidfile.ts';
import { spawnSync } from 'node:child_process';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gantry-test-listen-'));
  path = join(folder, 'sub', 'x.sock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const code = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
  return '';
};

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

describe('a socket', () => {
  test('is for its owner and group, and nobody else', async () => {
    const server = createServer();
    await clearSocket(path);
    await listen(server, path, 12345);
    const { mode, gid } = statSync(path);
    expect([mode & 0o777, gid]).toEqual([0o660, 12345]);
    expect(statSync(join(folder, 'sub')).mode & 0o777).toBe(0o711);
    await close(server);
    expect(existsSync(path)).toBe(false);
  });

  test('of a daemon that is gone is replaced', async () => {
    await clearSocket(path);
    // A process that dies leaves its socket.
    spawnSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`]);
    expect(statSync(path).isSocket()).toBe(true);
    await clearSocket(path);
    expect(existsSync(path)).toBe(false);
  });

  test('of a daemon that lives is left alone', async () => {
    await clearSocket(path);
    const other = createNetServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    expect(await code(clearSocket(path))).toBe('socket-in-use');
    expect(await code(listen(createServer(), path, 0))).toBe('socket-in-use');
    await close(other);
  });

  test('below a file cannot be', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await code(clearSocket(join(file, 'x.sock')))).toBe('cannot-listen');
  });

  test('something else in its place is left alone', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'precious');
    expect(await code(clearSocket(file))).toBe('not-a-socket');
    const link = join(folder, 'link');
    symlinkSync(file, link);
    expect(await code(clearSocket(link))).toBe('not-a-socket');
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });
});

describe('the group', () => {
  test.each([
    ['0', 0],
    ['54321', 54321],
    ['root', 0],
    ['daemon', 1],
  ])('%s', async (name, gid) => {
    expect(await socketGroup(name)).toBe(gid);
  });

  test('one that was asked for must be there', async () => {
    expect(await code(socketGroup('no-such-group-here'))).toBe('no-such-group');
    expect(await socketGroup(undefined)).toBeTypeOf('number');
  });
});

test('a pid file is ours until somebody else has it', async () => {
  const file = join(folder, 'deep', 'pid');
  await writePidfile(file);
  expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  writeFileSync(file, '1\n');
  await removePidfile(file);
  expect(existsSync(file)).toBe(true);
  await writePidfile(file);
  await removePidfile(file);
  expect(existsSync(file)).toBe(false);
  await removePidfile(file);
});
