import type { Logger } from '@gantry/driver-api';
import { isGantryError } from '@gantry/errors';
import type { LogFormat, LogLevel } from './config/config.ts';

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Characters that could drive a terminal or forge a record: controls of both sets, line separators, and what turns the
 * direction of text. Inside JSON a \u escape is the same text.
 */
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // eslint-disable-line no-control-regex -- these are the ones to find

const escape = (text: string): string => text.replace(unsafe, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Longer values are cut: a log is no place for an image's manifest. */
const maxValue = 8192;

function plain(value: unknown): unknown {
  if (value instanceof Error) {
    return { message: value.message, ...(isGantryError(value) ? { code: value.code, details: value.details } : {}), stack: value.stack, ...(value.cause === undefined ? {} : { cause: plain(value.cause) }) };
  }
  return typeof value === 'bigint' ? value.toString() : value;
}

/** One value as JSON on one line. A value that has no JSON (a cycle) is said to be so. */
function encode(value: unknown): string {
  let json: unknown;
  try {
    json = JSON.stringify(plain(value), (_key, v: unknown) => plain(v));
  } catch {
    json = '"(a value that has no JSON)"';
  }
  const safe = escape(typeof json === 'string' ? json : 'null');
  return safe.length <= maxValue ? safe : JSON.stringify(`${safe.slice(0, maxValue)}...`);
}

const bare = /^"[\w./:@%+,=-]+"$/;

function textRecord(at: string, level: LogLevel, message: string, fields: object): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]: [string, unknown]) => {
    const json = encode(value);
    return ` ${escape(key)}=${bare.test(json) ? json.slice(1, -1) : json}`;
  });
  return `${at} ${level.padEnd(5)} ${escape(message)}${pairs.join('')}\n`;
}

function jsonRecord(at: string, level: LogLevel, message: string, fields: object): string {
  const members = Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]: [string, unknown]) => `,${encode(key)}:${encode(value)}`);
  return `{"time":${encode(at)},"level":"${level}","message":${encode(message)}${members.join('')}}\n`;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Gets one whole record at a time. */
  readonly write: (record: string) => void;
}

/** A logger that writes each event as one encoded record, whatever is in it. */
export function createLogger(options: LoggerOptions, base: object = {}): Logger {
  const record = options.format === 'json' ? jsonRecord : textRecord;
  const at = (level: LogLevel) => (fields: object, message: string): void => {
    if (rank[level] >= rank[options.level]) options.write(record(new Date().toISOString(), level, message, { ...base, ...fields }));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: (fields) => createLogger(options, { ...base, ...fields }) };
}
