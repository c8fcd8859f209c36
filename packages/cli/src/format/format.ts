import { safeText } from '../kit/safe-text.ts';
import { table } from '../kit/table.ts';
import { evaluate } from './template/evaluate.ts';
import { json, show, type Value } from './template/functions.ts';
import { parseTemplate } from './template/parse.ts';

export type Row = Readonly<Record<string, Value>>;

export interface ListFormat {
  /** Each field's header, for tables that the user asks for. */
  readonly headers: Readonly<Record<string, string>>;
  /** The fields that are shown by default. */
  readonly columns: readonly string[];
}

/**
 * A list as `--format` asks for it: nothing or `table` (columns), `table {{.ID}}\t{{.Name}}`, `json` (an object a line), or a
 * template that is applied to each row.
 * @throws GantryError invalid `bad-template`, `template-failed`.
 */
export function formatList(rows: readonly Row[], format: string | undefined, o: ListFormat): string {
  if (format === undefined || format === '' || format === 'table') {
    return table(o.columns.map((name) => o.headers[name] ?? name), rows.map((row) => o.columns.map((name) => cell(row[name]))));
  }
  if (format === 'json') return rows.map((row) => `${json(row)}\n`).join('');
  const template = escapes(format.replace(/^table\s+/, ''));
  const nodes = parseTemplate(template);
  const lines = rows.map((row) => evaluate(nodes, row));
  if (!/^table\s/.test(format)) return lines.map((line) => `${safeText(line)}\n`).join('');
  const header = evaluate(nodes, o.headers);
  return table(header.split('\t'), lines.map((line) => line.split('\t')));
}

/** One object as `--format` asks for it. */
export function formatObject(value: Value, format: string): string {
  if (format === 'json') return `${json(value)}\n`;
  return `${safeText(evaluate(parseTemplate(escapes(format)), value))}\n`;
}

/** A shell's single quotes leave `\t` and `\n` as two characters. */
function escapes(template: string): string {
  return template.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

function cell(value: Value): string {
  return value === null || value === undefined ? '' : show(value);
}
