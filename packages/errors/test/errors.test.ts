import { describe, expect, it } from 'vitest';
import { fromHttp, fromJson, GantryError, isGantryError, kinds, toGantryError, toHttp, toJson } from '../src/index.ts';

describe('GantryError', () => {
  it('is recognised across copies of the package by its brand, not its class', () => {
    const twin = Object.defineProperty(new Error('x'), Symbol.for('gantry.error'), { value: true });
    expect(isGantryError(twin)).toBe(true);
    expect(isGantryError(new Error('x'))).toBe(false);
  });

  it.each([
    ['notModified', 304],
    ['invalid', 400],
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['notFound', 404],
    ['conflict', 409],
    ['exhausted', 500],
    ['dataLoss', 500],
    ['internal', 500],
    ['aborted', 500],
    ['timeout', 500],
    ['notImplemented', 501],
    ['unavailable', 503],
  ] as const)('%s answers %i', (kind, status) => {
    expect(toHttp(new GantryError(kind, 'c', 'm'))).toEqual({ status, body: { message: 'm', code: 'c' } });
  });

  it('maps every kind', () => {
    for (const kind of kinds) expect(toHttp(new GantryError(kind, 'c', 'm')).status).toBeGreaterThanOrEqual(304);
  });

  it('survives JSON with its kind, code and details', () => {
    const e = new GantryError('conflict', 'in-use', 'held', { details: { id: 'a' } });
    expect(fromJson(JSON.parse(JSON.stringify(toJson(e))))).toMatchObject({ kind: 'conflict', code: 'in-use', message: 'held', details: { id: 'a' } });
  });

  it('makes something of whatever a broken peer sends', () => {
    for (const value of [null, 3, 'text', {}, { kind: 'nonsense', code: 4, details: 'x' }]) expect(fromJson(value).kind).toBe('internal');
  });

  it('turns an abort into aborted', () => {
    expect(toGantryError(AbortSignal.abort().reason).kind).toBe('aborted');
  });

  it('reads a response back', () => {
    expect(fromHttp(404, { message: 'No such container: x', code: 'container-not-found' })).toMatchObject({ kind: 'notFound', code: 'container-not-found' });
    expect(fromHttp(418, {}).kind).toBe('internal');
  });
});
