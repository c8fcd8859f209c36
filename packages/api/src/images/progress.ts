import type { ApiVersion, JSONMessage, ProgressDetail } from '@gantry/api-types';
import { before } from '../version.ts';

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Decimal units, four significant digits: `12.34MB`. */
function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[unit] ?? ''}`;
}

const width = 50;

function bar({ current = 0, total = 0 }: ProgressDetail): string {
  if (total <= 0 || current > total) return current > 0 ? size(current) : '';
  const done = Math.floor((current / total) * width);
  const arrow = done < width ? `${'='.repeat(done)}>${' '.repeat(width - done - 1)}` : '='.repeat(width);
  return `[${arrow}]  ${size(current)}/${size(total)}`;
}

/** Clients below 1.52 may show the bar that the engine draws. */
export function shapeProgress(message: JSONMessage, version: ApiVersion): JSONMessage {
  const { progressDetail } = message;
  if (progressDetail === undefined || !before(version, '1.52')) return message;
  const progress = bar(progressDetail);
  return progress === '' ? message : { ...message, progress };
}

export async function* shapeAll(messages: AsyncIterable<JSONMessage>, version: ApiVersion): AsyncGenerator<JSONMessage, void, undefined> {
  for await (const message of messages) yield shapeProgress(message, version);
}
