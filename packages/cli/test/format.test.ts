import { describe, expect, it } from 'vitest';
import { formatList, formatObject } from '../src/format/format.ts';
import { environment } from '../src/kit/environment.ts';
import { parseFilters } from '../src/kit/filters.ts';
import { safeText } from '../src/kit/safe-text.ts';
import { table } from '../src/kit/table.ts';
import { ellipsis, shortId } from '../src/kit/text.ts';
import { formatAge, formatBytes, parseBytes } from '../src/kit/units.ts';

const rows = [{ ID: '1', Name: 'a' }, { ID: '22', Name: 'long name' }];
const o = { headers: { ID: 'CONTAINER ID', Name: 'NAMES' }, columns: ['ID', 'Name'] };

describe('formatList', () => {
  it('draws columns', () => {
    expect(formatList(rows, undefined, o)).toBe('CONTAINER ID   NAMES\n1              a\n22             long name\n');
  });
  it('takes a template, with and without a header', () => {
    expect(formatList(rows, '{{.ID}}-{{.Name}}', o)).toBe('1-a\n22-long name\n');
    expect(formatList(rows, 'table {{.Name}}\\t{{.ID}}', o)).toBe('NAMES       CONTAINER ID\na           1\nlong name   22\n');
  });
  it('writes an object a line', () => {
    expect(formatList(rows, 'json', o)).toBe('{"ID":"1","Name":"a"}\n{"ID":"22","Name":"long name"}\n');
  });
  it('lets no escape sequence through', () => {
    expect(formatList([{ ID: '\u001b[31m', Name: 'a\u202eb' }], undefined, o)).toBe('CONTAINER ID   NAMES\n\\u001b[31m     a\\u202eb\n');
    expect(formatList([{ ID: '\u001b[31m', Name: '' }], '{{.ID}}', o)).toBe('\\u001b[31m\n');
  });
});

describe('formatObject', () => {
  it('applies a template to the whole', () => {
    expect(formatObject({ State: { ExitCode: 7 } }, '{{.State.ExitCode}}')).toBe('7\n');
    expect(formatObject({ a: 1 }, 'json')).toBe('{"a":1}\n');
  });
});

describe('small things', () => {
  it.each([['64m', 64 << 20], ['1.5g', 1.5 * 2 ** 30], ['1024', 1024], ['2KiB', 2048], ['10MB', 10 << 20], ['7b', 7]])('%s is %i bytes', (text, bytes) => {
    expect(parseBytes(text, '--memory')).toBe(bytes);
  });
  it.each(['', 'x', '-1', '1x', '1e9', '99999999p', 'm'])('%j is no size', (text) => {
    expect(() => parseBytes(text, '--memory')).toThrow(expect.objectContaining({ code: 'bad-size' }) as Error);
  });
  it.each([[0, '0B'], [999, '999B'], [1234, '1.23kB'], [2_010_000, '2.01MB'], [206_000_000, '206MB'], [1.5e9, '1.5GB']])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
  it.each([[0.5, 'Less than a second'], [1, '1 second'], [59, '59 seconds'], [60, 'About a minute'], [119, 'About a minute'], [600, '10 minutes'], [3600, 'About an hour'], [7200, '2 hours'], [86_400 * 3, '3 days'], [86_400 * 20, '2 weeks'], [86_400 * 90, '3 months'], [86_400 * 800, '2 years']])('%d seconds are %s', (seconds, text) => {
    expect(formatAge(seconds)).toBe(text);
  });
  it('hands on variables of this process, and no others', () => {
    expect(environment(['A=1', 'B', 'C', 'D=='], { B: 'b' })).toEqual(['A=1', 'B=b', 'D==']);
    expect(() => environment(['=x'], {})).toThrow('=x');
  });
  it('collects filters by key', () => {
    expect(parseFilters(['label=a', 'Label=b=c', 'name=x'])).toEqual({ label: ['a', 'b=c'], name: ['x'] });
    expect(() => parseFilters(['label'])).toThrow(expect.objectContaining({ code: 'bad-filter' }) as Error);
  });
  it('shortens', () => {
    expect(shortId(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
    expect(ellipsis('abcdef', 4)).toBe('abc…');
    expect(ellipsis('ab', 4)).toBe('ab');
  });
  it('keeps tabs and lines of harmless text', () => {
    expect(safeText('a\tb\nc\rd')).toBe('a\tb\nc\\u000dd');
    expect(table(['A'], [['x']])).toBe('A\nx\n');
  });
});
