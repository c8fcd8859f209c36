import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/**
 * The Engine API's own document, for tests: it lives beside the repository, since it is not ours to publish.
 * What a test needs of Swagger 2.0, and no more.
 */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly 'x-nullable'?: boolean;
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Document {
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const file = new URL('../../../../../shared/docker-api/docker-api-v1.56.yaml', import.meta.url);

/** False where the repository was cloned without the document: tests that need it are skipped, saying so. */
export const hasDocument: boolean = existsSync(file);

let loaded: Document | undefined;

export function openApi(): Document {
  loaded ??= parse(readFileSync(file, 'utf8'), { merge: true }) as Document;
  return loaded;
}

export function resolve(schema: Schema): Schema {
  if (schema.$ref !== undefined) {
    const target = openApi().definitions[schema.$ref.replace('#/definitions/', '')];
    if (target === undefined) throw new Error(`the document has no ${schema.$ref}`);
    return resolve(target);
  }
  if (schema.allOf === undefined) return schema;
  const parts = schema.allOf.map(resolve);
  return {
    type: 'object',
    properties: Object.assign({}, ...parts.map((p) => p.properties), schema.properties) as Record<string, Schema>,
    required: parts.flatMap((p) => p.required ?? []),
  };
}

const typeOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

function fits(value: unknown, type: string): boolean {
  const actual = typeOf(value);
  return actual === type || (type === 'number' && actual === 'integer');
}

export interface Leniency {
  /** Fields that the newest document no longer has, by their last name. */
  readonly legacy?: readonly string[];
  /** Fields that Docker sends as null although the document has no such mark, by their last name. */
  readonly nulls?: readonly string[];
}

/**
 * How `value` differs from `schema`: each finding names the place. Docker writes null for lists and maps that are empty,
 * whether the document says so or not; fields that the document does not know are findings.
 */
export function differences(value: unknown, schema: Schema, o: Leniency = {}, at = '$'): readonly string[] {
  const s = resolve(schema);
  const type = s.type ?? (s.properties === undefined ? undefined : 'object');
  if (value === null) {
    const allowed = s['x-nullable'] === true || schema['x-nullable'] === true || type === 'array' || type === 'object' || o.nulls?.includes(at.slice(at.lastIndexOf('.') + 1)) === true;
    return allowed ? [] : [`${at}: null`];
  }
  if (type !== undefined && !fits(value, type)) return [`${at}: expected ${type}, got ${typeOf(value)}`];
  if (s.enum !== undefined && typeof value !== 'object' && !s.enum.includes(value)) return [`${at}: ${JSON.stringify(value)} is none of ${JSON.stringify(s.enum)}`];
  if (Array.isArray(value)) return value.flatMap((item: unknown, i) => differences(item, s.items ?? {}, o, `${at}[${i}]`));
  if (typeof value !== 'object') return [];
  const members = Object.entries(value as Record<string, unknown>);
  const missing = (s.required ?? []).filter((name) => !members.some(([key]) => key === name)).map((name) => `${at}.${name}: missing`);
  return [...missing, ...members.flatMap(([key, member]) => memberDifferences(key, member, s, o, `${at}.${key}`))];
}

function memberDifferences(key: string, member: unknown, s: Schema, o: Leniency, at: string): readonly string[] {
  const known = s.properties?.[key];
  if (known !== undefined) return differences(member, known, o, at);
  if (typeof s.additionalProperties === 'object') return differences(member, s.additionalProperties, o, at);
  if (s.additionalProperties === true || s.properties === undefined || o.legacy?.includes(key) === true) return [];
  return [`${at}: unknown to the document`];
}

/** The schema of what an operation answers: `responseSchema('get', '/info', 200)`. */
export function responseSchema(method: string, path: string, status: number): Schema {
  const response = openApi().paths[path]?.[method.toLowerCase()]?.responses[String(status)];
  if (response?.schema === undefined) throw new Error(`the document has no schema for ${status} of ${method} ${path}`);
  return response.schema;
}
