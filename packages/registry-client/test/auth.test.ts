import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credentials, RegistryClientOptions } from '../src/index.ts';
import { eventually, failure, quickClient } from './support/client.ts';
import { Holding } from './support/images.ts';
import { redirect, ScriptedServer, sendJson, type Seen } from './support/scripted-server.ts';

const alice = { username: 'alice', password: 'pa:ss' };
const basicOfAlice = `Basic ${Buffer.from('alice:pa:ss').toString('base64')}`;

let holding: Holding;
let registry: ScriptedServer;
/** Tokens that the registry takes now. */
let valid: Set<string>;
let challenge: string;
let issue: (request: Seen) => Record<string, unknown> | number;

beforeEach(async () => {
  holding = new Holding();
  holding.image([Buffer.from('x')], { tag: 'latest' });
  valid = new Set();
  let count = 0;
  issue = () => {
    const token = `token-${++count}`;
    valid.add(token);
    return { token, expires_in: 300 };
  };
  registry = await ScriptedServer.start((request, response) => {
    if (request.path.startsWith('/token')) {
      const answer = issue(request);
      if (typeof answer === 'number') sendJson(response, answer, { details: 'incorrect username or password' });
      else sendJson(response, 200, answer);
    } else if (valid.has((request.headers.authorization ?? '').replace(/^(Bearer|Basic) /, ''))) return holding.serve(request, response);
    else sendJson(response, 401, { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }, challenge === '' ? {} : { 'WWW-Authenticate': challenge });
    return undefined;
  });
  challenge = `Bearer realm="${registry.url}/token?keep=1",service="the registry",scope="repository:victim/private:pull,push"`;
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
});

const tokenRequests = (): Seen[] => registry.seen.filter(({ path }) => path.startsWith('/token'));
const queryOf = (seen: Seen | undefined): Record<string, string> => Object.fromEntries(new URL(seen?.path ?? '', registry.url).searchParams);
const ask = async (options: RegistryClientOptions = {}, times = 1): Promise<void> => {
  await using client = quickClient(options);
  for (let i = 0; i < times; i++) await client.fetchManifest(`${registry.host}/app`);
};

describe('bearer tokens', () => {
  it('gets an anonymous one, for the scope that it needs and no other, and uses it again', async () => {
    await ask({}, 3);
    expect(tokenRequests()).toHaveLength(1);
    expect(queryOf(tokenRequests()[0])).toEqual({ keep: '1', service: 'the registry', scope: 'repository:app:pull' });
    expect(tokenRequests()[0]?.headers.authorization).toBeUndefined();
    expect(registry.paths().filter((path) => path.includes('manifests'))).toHaveLength(4);
  });

  it('gets one for a user by basic authentication', async () => {
    await ask({ credentials: (host) => (host === registry.host ? alice : undefined) });
    expect(tokenRequests()[0]?.headers.authorization).toBe(basicOfAlice);
    expect(queryOf(tokenRequests()[0])).toMatchObject({ account: 'alice' });
    // The password went to the token server alone.
    expect(registry.seen.filter(({ headers }) => headers.authorization === basicOfAlice)).toHaveLength(1);
  });

  it('gets one by a refresh token', async () => {
    await ask({ credentials: () => ({ identityToken: 'refresh me' }) });
    const [request] = tokenRequests();
    expect(request?.method).toBe('POST');
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({ grant_type: 'refresh_token', refresh_token: 'refresh me', client_id: 'gantry', scope: 'repository:app:pull', service: 'the registry' });
  });

  it('sends a registry token as it is, after the registry has asked', async () => {
    valid.add('mine');
    await ask({ credentials: () => ({ registryToken: 'mine' }) });
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer mine']);
  });

  it('takes access_token for token', async () => {
    issue = () => (valid.add('abc'), { access_token: 'abc' });
    await ask();
    expect(registry.seen.at(-1)?.headers.authorization).toBe('Bearer abc');
  });

  it('asks for a new one when the old one has expired by its own word', async () => {
    issue = () => (valid.add('short'), { token: 'short', expires_in: 1 });
    await ask({}, 2);
    expect(tokenRequests()).toHaveLength(2);
  });

  it('asks once more when the registry refuses a token that should be good', async () => {
    await using client = quickClient();
    await client.fetchManifest(`${registry.host}/app`);
    valid.clear();
    await client.fetchManifest(`${registry.host}/app`);
    expect(tokenRequests()).toHaveLength(2);
  });

  it('asks only once more', async () => {
    issue = () => ({ token: 'never-good' });
    await expect(ask()).rejects.toThrow(failure('notFound', 'pull-access-denied'));
    expect(registry.paths()).toEqual(['GET /v2/app/manifests/latest', expect.stringContaining('/token'), 'GET /v2/app/manifests/latest']);
  });

  it('shares one token between concurrent calls', async () => {
    await using client = quickClient();
    await Promise.all(Array.from({ length: 8 }, () => client.fetchManifest(`${registry.host}/app`)));
    expect(tokenRequests()).toHaveLength(1);
  });

  it('keeps tokens of repositories and of callers apart', async () => {
    await using client = quickClient();
    await client.fetchManifest(`${registry.host}/app`);
    await client.fetchManifest(`${registry.host}/other`);
    await client.fetchManifest(`${registry.host}/app`, { credentials: () => alice });
    expect(tokenRequests().map((seen) => queryOf(seen)['scope'])).toEqual(['repository:app:pull', 'repository:other:pull', 'repository:app:pull']);
    expect(tokenRequests().map(({ headers }) => headers.authorization)).toEqual([undefined, undefined, basicOfAlice]);
  });

  it('lets one caller give up without hurting another', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const handler = registry.handler;
    registry.handler = async (request, response) => {
      if (request.path.startsWith('/token')) await promise;
      await handler(request, response);
    };
    await using client = quickClient();
    const giveUp = new AbortController();
    const first = client.fetchManifest(`${registry.host}/app`, { signal: giveUp.signal });
    const second = client.fetchManifest(`${registry.host}/app`);
    await eventually(() => tokenRequests()).toHaveLength(1);
    giveUp.abort();
    await expect(first).rejects.toThrow(failure('aborted', 'aborted'));
    resolve(undefined);
    expect((await second).document.kind).toBe('manifest');
  });

  it.each([
    ['no token', {}],
    ['a token that would break the header', { token: 'a\r\nX-Evil: b' }],
    ['a token with spaces', { token: 'a b' }],
    ['a token that is no text', { token: 7 }],
    ['a list', []],
  ])('refuses %s', async (_, answer) => {
    issue = () => answer as Record<string, unknown>;
    await expect(ask()).rejects.toThrow(failure('unavailable', 'token-server-failed'));
  });

  it('refuses a token answer without end', async () => {
    const handler = registry.handler;
    registry.handler = (request, response) => {
      if (!request.path.startsWith('/token')) return handler(request, response);
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
      return undefined;
    };
    await expect(ask()).rejects.toThrow(failure('exhausted', 'response-too-large'));
  });

  it('tries a token server again that fails for a moment', async () => {
    let tries = 0;
    const good = issue;
    issue = (request) => (++tries < 3 ? 503 : good(request));
    await ask();
    expect(tries).toBe(3);
  });
});

describe('basic authentication', () => {
  it('is used where that is what the registry asks for', async () => {
    challenge = 'Basic realm="anything"';
    valid.add(basicOfAlice.slice(6));
    await ask({ credentials: () => alice }, 2);
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basicOfAlice, basicOfAlice]);
  });

  it('is not sent again where it was just refused', async () => {
    challenge = 'Basic realm="x"';
    valid.add(basicOfAlice.slice(6));
    await using client = quickClient({ credentials: () => alice });
    await client.fetchManifest(`${registry.host}/app`);
    valid.clear();
    registry.seen.length = 0;
    await expect(client.fetchManifest(`${registry.host}/app`)).rejects.toThrow();
    expect(registry.seen).toHaveLength(1);
  });

  it('stands behind bearer tokens where both are offered', async () => {
    challenge = `Basic realm="x", ${challenge}`;
    await ask({ credentials: () => alice });
    expect(registry.seen.at(-1)?.headers.authorization).toMatch(/^Bearer /);
  });

  it('is not possible with a refresh token', async () => {
    challenge = 'Basic realm="x"';
    await expect(ask({ credentials: () => ({ identityToken: 'x' }) })).rejects.toThrow(failure('unauthenticated', 'login-failed', 'log in again'));
  });
});

describe('refusals', () => {
  const denied = "pull access denied for HOST/app, repository does not exist or may require 'docker login'";

  it('a stranger is told what Docker tells him', async () => {
    issue = () => ({ token: 'weak' });
    await expect(ask()).rejects.toThrow(failure('notFound', 'pull-access-denied', `${denied.replace('HOST', registry.host)}: authentication required`));
  });

  it('a user without rights is told that it is his rights', async () => {
    issue = () => ({ token: 'weak' });
    await expect(ask({ credentials: () => alice })).rejects.toThrow(failure('forbidden', 'pull-access-denied', denied.replace('HOST', registry.host)));
  });

  it('a wrong password is told apart', async () => {
    issue = () => 401;
    await expect(ask({ credentials: () => alice })).rejects.toThrow(failure('unauthenticated', 'login-failed', 'log in again: incorrect username or password'));
  });

  it('a wrong password for a registry with basic authentication is, too, and is sent once', async () => {
    challenge = 'Basic realm="x"';
    await using client = quickClient({ credentials: () => alice });
    for (const sent of [2, 4]) {
      await expect(client.fetchManifest(`${registry.host}/app`)).rejects.toThrow(failure('unauthenticated', 'login-failed'));
      expect(registry.seen).toHaveLength(sent);
    }
  });

  it('a token server that grants strangers nothing says so', async () => {
    issue = () => 403;
    await expect(ask()).rejects.toThrow(failure('unauthenticated', 'login-required', 'log in first'));
  });

  it('a 403 of the registry is a refusal', async () => {
    registry.handler = (_, response) => sendJson(response, 403, { errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }] });
    await expect(ask()).rejects.toThrow(failure('notFound', 'pull-access-denied', 'requested access to the resource is denied'));
  });

  it('a 401 without a challenge that is understood is a refusal', async () => {
    for (challenge of ['', 'Negotiate', 'Digest realm="x", nonce="y"']) await expect(ask({ credentials: () => alice })).rejects.toThrow(failure('notFound', 'pull-access-denied'));
    expect(registry.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});

describe('the source of credentials', () => {
  it('is not asked before the registry asks', async () => {
    registry.handler = holding.serve;
    await ask({ credentials: () => expect.unreachable() });
  });

  it('is asked by the name that the reference has', async () => {
    const asked: string[] = [];
    await using client = quickClient({ credentials: (host) => (asked.push(host), undefined) });
    await client.fetchManifest(`LOCALHOST:${registry.port}/app`);
    expect(asked).toEqual([`LOCALHOST:${registry.port}`]);
  });

  it('ends the call if it fails', async () => {
    const credentials = (): Credentials => {
      throw new Error('no keyring');
    };
    await expect(ask({ credentials })).rejects.toThrow(failure('unauthenticated', 'credentials-failed', 'credential helper'));
    expect(tokenRequests()).toEqual([]);
  });
});

describe('redirects of token servers', () => {
  it('are followed for a user without the password, from the first foreign hop on', async () => {
    await using elsewhere = await ScriptedServer.start((_, response) => sendJson(response, 200, { token: 'weak' }));
    const handler = registry.handler;
    registry.handler = (request, response) => (request.path.startsWith('/token') ? redirect(response, 307, `${elsewhere.url}/token`) : handler(request, response));
    await expect(ask({ credentials: () => alice })).rejects.toThrow(failure('forbidden', 'pull-access-denied'));
    expect(elsewhere.seen).toHaveLength(1);
    expect(elsewhere.transcript).not.toContain(basicOfAlice);
  });

  it('are refused for a refresh token, which would travel in the body', async () => {
    await using elsewhere = await ScriptedServer.start((_, response) => sendJson(response, 200, { token: 'weak' }));
    const handler = registry.handler;
    registry.handler = (request, response) => (request.path.startsWith('/token') ? redirect(response, 307, `${elsewhere.url}/token`) : handler(request, response));
    await expect(ask({ credentials: () => ({ identityToken: 'refresh me' }) })).rejects.toThrow(failure('forbidden', 'redirect-refused'));
    expect(elsewhere.seen).toEqual([]);
  });
});
