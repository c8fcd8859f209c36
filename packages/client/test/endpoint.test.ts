import { describe, expect, it } from 'vitest';
import { chooseHost, formatEndpoint, parseEndpoint } from '../src/endpoint.ts';

describe('parseEndpoint', () => {
  it.each([
    ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['tcp://127.0.0.1:2375', { kind: 'tcp', host: '127.0.0.1', port: 2375 }],
    ['tcp://[::1]:99', { kind: 'tcp', host: '::1', port: 99 }],
    ['http://localhost:80/', { kind: 'tcp', host: 'localhost', port: 80 }],
    ['tcp://localhost', { kind: 'tcp', host: 'localhost', port: 2375 }],
  ] as const)('%s', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
  });

  it.each(['', 'run/x', 'unix://relative', 'tcp://', 'tcp://host:1/path', 'ftp://x', 'tcp://h:99999'])('refuses %j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ kind: 'invalid', code: 'bad-host' }) as Error);
  });

  it('writes what it read', () => {
    for (const text of ['unix:///a', 'tcp://h:1', 'tcp://[::1]:2']) expect(formatEndpoint(parseEndpoint(text))).toBe(text);
  });
});

describe('chooseHost', () => {
  it('takes the flag, then GANTRY_HOST, then DOCKER_HOST, then the default', () => {
    const env = { GANTRY_HOST: 'unix:///g', DOCKER_HOST: 'unix:///d' };
    expect(chooseHost('unix:///f', env).host).toBe('unix:///f');
    expect(chooseHost(undefined, env)).toEqual({ host: 'unix:///g', from: 'GANTRY_HOST' });
    expect(chooseHost(undefined, { ...env, GANTRY_HOST: '' })).toEqual({ host: 'unix:///d', from: 'DOCKER_HOST' });
    expect(chooseHost(undefined, {})).toEqual({ host: 'unix:///run/gantry/gantry.sock', from: 'default' });
  });
});
