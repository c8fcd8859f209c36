import { describe, expect, it } from 'vitest';
import { evaluate } from '../src/format/template/evaluate.ts';
import { parseTemplate } from '../src/format/template/parse.ts';
import type { Value } from '../src/format/template/functions.ts';

const data: Value = {
  ID: 'abc', Name: '/web', Count: 3, Zero: 0, Null: null, On: true, Off: false, Empty: '',
  State: { Status: 'running', Health: null }, Tags: ['a', 'b'], None: [], Labels: { x: '1', 'a.b': '2' }, Html: '<&>',
};
const show = (template: string): string => evaluate(parseTemplate(template), data);

// The right-hand sides are what Go's text/template prints for the same data.
describe('template', () => {
  it.each([
    ['{{.ID}} {{.State.Status}}', 'abc running'],
    ['{{ .Count }}{{.On}}', '3true'],
    ['{{.Null}}', '<no value>'],
    ['{{.Tags}} {{.Labels}}', '[a b] map[a.b:2 x:1]'],
    ['{{json .Tags}} {{json .Html}} {{json .Null}}', '["a","b"] "\\u003c\\u0026\\u003e" null'],
    ['{{join .Tags ","}}', 'a,b'],
    ['{{.Tags | json}}', '["a","b"]'],
    ['{{index .Labels "a.b"}}{{index .Tags 1}}', '2b'],
    ['{{index .Labels "nope"}}', ''],
    ['{{range .Tags}}<{{.}}>{{end}}', '<a><b>'],
    ['{{range $i, $v := .Tags}}{{$i}}={{$v}} {{$.ID}};{{end}}', '0=a abc;1=b abc;'],
    ['{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}', 'a.b:2 x:1 '],
    ['{{range .None}}x{{else}}nothing{{end}}', 'nothing'],
    ['{{if .Zero}}a{{else if .On}}b{{else}}c{{end}}', 'b'],
    ['{{if and .On (not .Off) (gt .Count 2)}}yes{{end}}', 'yes'],
    ['{{if or .Empty .None}}a{{else}}b{{end}}', 'b'],
    ['{{with .State}}{{.Status}}{{end}}', 'running'],
    ['{{with .State.Health}}x{{else}}healthless{{end}}', 'healthless'],
    ['{{$x := .Count}}{{$x}}', '3'],
    ['{{$x := 1}}{{range .Tags}}{{$x = .}}{{end}}{{$x}}', 'b'],
    ['a  {{- .Count -}}  b', 'a3b'],
    ['{{/* note */}}x', 'x'],
    ['{{printf "%-5s|%5s|%d|%q|%%" .ID .ID .Count .ID}}', 'abc  |  abc|3|"abc"|%'],
    ['{{println .ID}}', 'abc\n'],
    ['{{upper .ID}}{{lower "X"}}{{title "a b"}}{{len .Tags}}{{truncate .ID 2}}', 'ABCxA B2ab'],
    ['{{(index .Tags 0)}}{{eq .ID "x" "abc"}}{{ne .ID "x"}}', 'atruetrue'],
    ['{{split "a:b" ":" | json}}', '["a","b"]'],
    ['{{.}}{{"{{"}}'.slice(5), '{{'],
    ['{{`raw "x"`}}', 'raw "x"'],
  ])('%s', (template, text) => {
    expect(show(template)).toBe(text);
  });

  it.each([
    ['{{.ID', 'bad-template'],
    ['{{if .ID}}', 'bad-template'],
    ['{{end}}', 'bad-template'],
    ['{{else}}', 'bad-template'],
    ['{{}}', 'bad-template'],
    ['{{.ID | }}', 'bad-template'],
    ['{{!}}', 'bad-template'],
    ['{{"open}}', 'bad-template'],
    [`{{${'('.repeat(500)}1${')'.repeat(500)}}}`, 'bad-template'],
    ['{{.Nope}}', 'template-failed'],
    ['{{.ID.Deep}}', 'template-failed'],
    ['{{.constructor}}', 'template-failed'],
    ['{{nope .ID}}', 'template-failed'],
    ['{{toString}}', 'template-failed'],
    ['{{$y}}', 'template-failed'],
    ['{{index .Tags 9}}', 'template-failed'],
    ['{{lt .ID 1}}', 'template-failed'],
    ['{{.ID .Count}}', 'template-failed'],
  ])('%s fails as %s', (template, code) => {
    expect(() => show(template)).toThrow(expect.objectContaining({ kind: 'invalid', code }) as Error);
  });

  it('reads a long template in linear time', () => {
    expect(show('{{.ID}}'.repeat(20_000))).toHaveLength(60_000);
    expect(() => show(`{{${' '.repeat(200_000)}`)).toThrow();
  });
});
