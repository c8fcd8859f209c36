import { isAbsolute, normalize } from 'node:path';
import type { LogFormat, LogLevel } from './config.ts';

/** Checks one text; returns the value, or what is wrong with it. */
export type Check<T> = (text: string) => { readonly value: T } | { readonly wrong: string };

const ok = <T>(value: T): { readonly value: T } => ({ value });
const wrong = (why: string): { readonly wrong: string } => ({ wrong: why });

export const text: Check<string> = (t) => (t === '' ? wrong('it is empty') : t.includes('\0') ? wrong('it has a NUL character') : ok(t));

export const absolutePath: Check<string> = (t) => {
  if (t.includes('\0')) return wrong('it has a NUL character');
  return isAbsolute(t) ? ok(normalize(t)) : wrong(`expected an absolute path, got ${JSON.stringify(t)}`);
};

/** Bytes of `sun_path` without the closing NUL. Source: unix(7). */
export const maxSocketPath = 107;

/** `unix:///path`, or a path alone. */
export const host: Check<string> = (t) => {
  const scheme = /^([a-z]+):\/\//.exec(t)?.[1] ?? (isAbsolute(t) ? 'unix' : '');
  switch (scheme) {
    case 'unix': {
      const path = t.startsWith('unix://') ? t.slice('unix://'.length) : t;
      if (!isAbsolute(path)) return wrong(`expected unix:// and an absolute path, got ${JSON.stringify(t)}`);
      if (Buffer.byteLength(path) > maxSocketPath) return wrong(`the path of a unix socket has at most ${maxSocketPath} bytes: ${JSON.stringify(path)}`);
      return ok(`unix://${normalize(path)}`);
    }
    case 'tcp':
      return wrong('this version does not listen on TCP, since that needs TLS on both sides; use a unix socket, over ssh where it has to be remote');
    case 'fd':
      return wrong('this version does not take sockets from systemd (fd://); use unix:///run/gantry/gantry.sock');
    case 'npipe':
      return wrong('named pipes are for Windows, and this daemon runs on Linux');
    default:
      return wrong(`expected unix:///path, got ${JSON.stringify(t)}`);
  }
};

/** A URL without a path, as registries' mirrors have it. */
export const mirror: Check<string> = (t) => {
  const url = URL.parse(t);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return wrong(`expected http:// or https:// and a host, got ${JSON.stringify(t)}`);
  if (url.username !== '' || url.password !== '') return wrong('credentials do not belong into the address of a mirror');
  if (url.search !== '' || url.hash !== '') return wrong('a query or fragment does not belong into the address of a mirror');
  return ok(t);
};

/** A host with or without a port, or a network as `10.0.0.0/8`. */
export const registryHost: Check<string> = (t) => {
  if (t.includes('://')) return wrong(`expected a host without a scheme, got ${JSON.stringify(t)}`);
  return /^(?:[\w.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/i.test(t) || /^[0-9a-f.:]+\/\d{1,3}$/i.test(t)
    ? ok(t)
    : wrong(`expected a host, host:port, or a network such as 10.0.0.0/8, got ${JSON.stringify(t)}`);
};

/** Docker's words for levels; finer ones than `debug` and worse ones than `error` are those. */
const levels: Readonly<Record<string, LogLevel>> = { trace: 'debug', debug: 'debug', info: 'info', warn: 'warn', warning: 'warn', error: 'error', fatal: 'error', panic: 'error' };

export const logLevel: Check<LogLevel> = (t) => {
  const level = levels[t];
  return level === undefined ? wrong(`expected debug, info, warn or error, got ${JSON.stringify(t)}`) : ok(level);
};

export const logFormat: Check<LogFormat> = (t) => (t === 'text' || t === 'json' ? ok(t) : wrong(`expected text or json, got ${JSON.stringify(t)}`));
