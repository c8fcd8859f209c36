import { describe, expect, it } from 'vitest';
import { HostRules } from '../src/http/host-rules.ts';
import { failure } from './support/client.ts';

const url = (host: string): URL => new URL(`https://${host}/`);

describe('HostRules', () => {
  it.each([
    ['localhost', true],
    ['localhost:5000', true],
    ['LOCALHOST:5000', true],
    ['127.0.0.1:5000', true],
    ['127.255.3.4', true],
    ['[::1]:5000', true],
    ['2130706433', true], // 127.0.0.1 as one number: URLs spell it out
    ['128.0.0.1', false],
    ['10.0.0.1', false],
    ['[::2]', false],
    ['[::ffff:127.0.0.1]', true], // the very same address
    ['localhost.example.com', false],
    ['127.0.0.1.example.com', false],
    ['localhost.', false],
    ['ghcr.io', false],
  ])('%s is let off TLS without configuration: %s', (host, insecure) => {
    expect(new HostRules([], {}).isInsecure(url(host))).toBe(insecure);
  });

  it.each([
    ['registry.lan', 'registry.lan', true],
    ['registry.lan', 'registry.lan:5000', false],
    ['registry.lan:5000', 'REGISTRY.lan:5000', true],
    ['registry.lan:5000', 'registry.lan', false],
    ['registry.lan', 'sub.registry.lan', false],
    ['10.0.0.0/8', '10.1.2.3:5000', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '10.example.com', false],
    ['10.1.2.3/32', '10.1.2.3', true],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['fd00::/8', '[fd12::1]:443', true],
    ['fd00::/8', '[fe80::1]', false],
  ])('with %s, %s is insecure: %s', (entry, host, insecure) => {
    expect(new HostRules([entry], {}).isInsecure(url(host))).toBe(insecure);
  });

  it.each(['', 'a/b', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8x', '10.0.0/8', 'fd00::/129', 'registry.lan/8', 'http://a', 'a b', 'user@a', 'a?b', 'a#b', 'a:99999'])('refuses the entry %j', (entry) => {
    expect(() => new HostRules([entry], {})).toThrow(failure('invalid', 'bad-host'));
  });

  it('holds a loopback host to TLS once its CA is configured, unless it is listed', () => {
    const certificates = { '127.0.0.1:5000': { ca: 'pem' }, 'localhost:5000': { cert: 'pem' } };
    expect(new HostRules([], certificates).isInsecure(url('127.0.0.1:5000'))).toBe(false);
    expect(new HostRules([], certificates).isInsecure(url('127.0.0.1:5001'))).toBe(true);
    expect(new HostRules([], certificates).isInsecure(url('localhost:5000'))).toBe(true);
    expect(new HostRules(['127.0.0.1:5000'], certificates).isInsecure(url('127.0.0.1:5000'))).toBe(true);
  });

  it.each([
    ['https://a.com', 'https://b.com', false],
    ['https://a.com', 'http://a.com', true],
    ['https://a.com', 'https://127.0.0.1', true],
    ['https://a.com', 'https://insecure.lan', true],
    ['http://a.com', 'https://b.com', false],
    ['http://a.com', 'http://b.com', false],
    ['https://insecure.lan', 'http://insecure.lan', true],
    ['https://insecure.lan', 'https://127.0.0.1', false],
  ])('from %s to %s is a downgrade: %s', (from, to, is) => {
    expect(new HostRules(['insecure.lan'], {}).isDowngrade(new URL(from), new URL(to))).toBe(is);
  });
});
