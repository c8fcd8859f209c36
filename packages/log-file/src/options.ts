import { GantryError } from '@gantry/errors';
import type { LogSink, Strings } from '@gantry/driver-api';

/** What the driver's configuration may change: the limits of containers that set none of their own. */
export interface LogFileOptions {
  /** As `max-size` of a container; `-1`: without limit, as Docker has it. */
  readonly maxSize?: string;
  /** As `max-file` of a container. */
  readonly maxFile?: number;
}

/** The limits that a container's log is kept to. */
export type LogLimits = Pick<LogSink, 'maxBytes' | 'maxFiles' | 'full' | 'bufferBytes'>;

/** Docker's json-file keeps everything for ever; ten megabytes, three times, is what its manual tells people to set. */
const defaults = { maxBytes: 10_000_000, maxFiles: 3, bufferBytes: 1_000_000 };

/** `tag`, `labels`, `env` and their patterns choose attributes, which come with the target; `compress` is understood and has no effect, see README. */
const known: ReadonlySet<string> = new Set(['max-size', 'max-file', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag', 'mode', 'max-buffer-size']);

/**
 * The limits that options mean: `max-size` (bytes, or with k, m, g, decimal), `max-file`, `mode` (`blocking` or
 * `non-blocking`), `max-buffer-size`.
 *
 * @throws `GantryError` invalid `log-option-invalid`, in Docker's words, `details.option`
 */
export function parseLimits(options: Strings, fallback: LogFileOptions = {}): LogLimits {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw bad(name, `unknown log opt '${name}' for json-file log driver`);
  }
  const maxBytes = options['max-size'] === undefined ? fallbackSize(fallback) : positiveSize(options['max-size']);
  const maxFiles = options['max-file'] === undefined ? (fallback.maxFile ?? defaults.maxFiles) : fileCount(options['max-file']);
  const compress = options['compress'] !== undefined && boolean('compress', options['compress']);
  if (compress && (maxFiles === 1 || maxBytes === 0)) throw bad('compress', 'compress cannot be true when max-file is less than 2 or max-size is not set');

  const mode = options['mode'] ?? 'blocking';
  if (mode !== 'blocking' && mode !== 'non-blocking' && mode !== '') throw bad('mode', `logger: logging mode not supported: ${mode}`);
  const buffer = options['max-buffer-size'];
  if (buffer !== undefined && mode !== 'non-blocking') throw bad('max-buffer-size', "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  const bufferBytes = buffer === undefined ? defaults.bufferBytes : size(buffer);
  if (bufferBytes === undefined) throw bad('max-buffer-size', `error parsing option max-buffer-size: invalid size: '${buffer}'`);
  return { maxBytes, maxFiles, full: mode === 'non-blocking' ? 'drop' : 'block', bufferBytes };
}

function fallbackSize({ maxSize }: LogFileOptions): number {
  if (maxSize === undefined) return defaults.maxBytes;
  return maxSize === '-1' ? 0 : positiveSize(maxSize);
}

function positiveSize(text: string): number {
  const bytes = size(text);
  if (bytes === undefined) throw bad('max-size', `invalid size: '${text}'`);
  if (bytes <= 0) throw bad('max-size', 'max-size must be a positive number');
  return bytes;
}

function fileCount(text: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text)) throw bad('max-file', `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const count = Number(text);
  if (count < 1) throw bad('max-file', 'max-file cannot be less than 1');
  if (count > 10_000) throw bad('max-file', 'max-file cannot be more than 10000');
  return count;
}

function boolean(name: string, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw bad(name, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };

/** Bytes of `10m`, `1.5 GB`, `100`: decimal units, as Docker takes them for logs. */
function size(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,15})?) ?([kmgtp]?)i?b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (units[unit.toLowerCase()] ?? Number.NaN));
  return number !== '' && Number.isSafeInteger(bytes) ? bytes : undefined;
}

function bad(option: string, message: string): GantryError {
  return new GantryError('invalid', 'log-option-invalid', message, { details: { option } });
}
