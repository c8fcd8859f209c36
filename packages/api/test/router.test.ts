import { expect, test } from 'vitest';
import { empty } from '../src/http/reply.ts';
import { Router, type Route } from '../src/http/router.ts';

const route = (method: Route['method'], path: string): Route => ({ method, path, handle: async () => empty(200) });
const router = new Router([
  route('GET', '/images/json'),
  route('GET', '/images/{name...}/json'),
  route('GET', '/images/{name...}/history'),
  route('DELETE', '/images/{name...}'),
  route('GET', '/containers/{id}/json'),
  route('GET', '/networks/'),
  route('GET', '/networks/{id...}'),
]);

test.each([
  ['GET', '/images/json', '/images/json', {}],
  ['GET', '/images/a/json', '/images/{name...}/json', { name: 'a' }],
  ['GET', '/images/host:5000/a/b:1/json', '/images/{name...}/json', { name: 'host:5000/a/b:1' }],
  ['GET', '/images/json/json', '/images/{name...}/json', { name: 'json' }],
  ['GET', '/images/a/history/history', '/images/{name...}/history', { name: 'a/history' }],
  ['DELETE', '/images/a/b@sha256:c', '/images/{name...}', { name: 'a/b@sha256:c' }],
  ['GET', '/containers/x/json', '/containers/{id}/json', { id: 'x' }],
  ['GET', '/networks/', '/networks/', {}],
] as const)('%s %s', (method, path, expected, params) => {
  const found = router.find(method, path);
  expect(found?.route.path).toBe(expected);
  expect(found?.params).toEqual(params);
});

test.each([
  ['POST', '/images/json'],
  ['GET', '/images'],
  ['GET', '/images//json'],
  ['GET', '/containers/a/b/json'],
  ['GET', '/containers//json'],
  ['GET', '/'],
  ['GET', ''],
])('%s %s is no route', (method, path) => {
  expect(router.find(method, path)).toBeUndefined();
});
