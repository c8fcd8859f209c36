import { GantryError } from '@gantry/errors';

const powers: Readonly<Record<string, number>> = { '': 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `64m`, `1.5GiB`, `1024`: bytes, in powers of 1024, as Docker reads sizes of memory. @throws GantryError invalid `bad-size`. */
export function parseBytes(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]?)i?b?$/i.exec(text.trim());
  const power = powers[(match?.[2] ?? '').toLowerCase()];
  const value = match === null || power === undefined ? NaN : Math.floor(Number(match[1]) * 1024 ** power);
  if (!Number.isSafeInteger(value)) throw new GantryError('invalid', 'bad-size', `invalid argument ${JSON.stringify(text)} for ${flag}: expected a size such as 64m or 1.5g`);
  return value;
}

const decimal = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** As Docker writes sizes: powers of 1000, four significant digits (three: `7.8MB`). */
export function formatBytes(bytes: number, digits = 3): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < decimal.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(digits))}${decimal[unit] ?? ''}`;
}

/** How long ago, in Docker's words. */
export function formatAge(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(seconds / 3600);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 2) return '1 second';
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
