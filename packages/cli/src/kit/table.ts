import { safeText } from './safe-text.ts';

/** Columns as Docker draws them: as wide as their widest cell, three spaces apart, nothing behind the last. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(safeText));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ''))));
  return cells
    .map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell) + 3))).join('').trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** Code points, which is close enough for names and ids. */
function width(text: string): number {
  return Array.from(text).length;
}
