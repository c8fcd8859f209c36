import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerCreateCall } from '../src/index.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let calls: ContainerCreateCall[] = [];
beforeAll(async () => {
  server = await startServer({
    containers: {
      create: async (call) => {
        calls.push(call);
        return { Id: 'abc', Warnings: [] };
      },
    },
  });
});
beforeEach(() => {
  calls = [];
});
afterAll(() => server[Symbol.asyncDispose]());

const create = (body: unknown, url = '/v1.56/containers/create'): ReturnType<TestServer['call']> => server.call('POST', url, { body });

// As `docker run --rm busybox echo hi` of 28.2 sends it.
const fromDockerCli =
  '{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":["echo","hi"],"Image":"busybox","Volumes":{},"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{},"HostConfig":{"Binds":null,"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},"NetworkMode":"default","PortBindings":{},"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"","VolumesFrom":null,"ConsoleSize":[0,0],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":[],"BlkioDeviceWriteBps":[],"BlkioDeviceReadIOps":[],"BlkioDeviceWriteIOps":[],"CpuPeriod":0,"CpuQuota":0,"CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"","Devices":[],"DeviceCgroupRules":null,"DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,"OomKillDisable":false,"PidsLimit":0,"Ulimits":[],"CpuCount":0,"CpuPercent":0,"IOMaximumIOps":0,"IOMaximumBandwidth":0,"MaskedPaths":null,"ReadonlyPaths":null},"NetworkingConfig":{"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}}}';

describe('reads', () => {
  test('what the docker CLI sends', async () => {
    const answer = await create(fromDockerCli, '/v1.50/containers/create?name=%2Fweb&platform=linux%2Famd64');
    expect([answer.status, answer.json]).toEqual([201, { Id: 'abc', Warnings: [] }]);
    expect(calls[0]).toMatchObject({
      name: 'web',
      platform: 'linux/amd64',
      body: {
        Image: 'busybox',
        Cmd: ['echo', 'hi'],
        HostConfig: { AutoRemove: true, NetworkMode: 'default', LogConfig: { Type: '', Config: {} }, ConsoleSize: [0, 0] },
        NetworkingConfig: { EndpointsConfig: { default: { MacAddress: '' } } },
      },
    });
    // What means "not said" is not there.
    expect(calls[0]?.body.HostConfig).not.toHaveProperty('MemorySwappiness');
    expect(calls[0]?.body.HostConfig).not.toHaveProperty('PidsLimit');
    expect(calls[0]?.body).not.toHaveProperty('Env');
  });

  test('one string as a command', async () => {
    await create({ Image: 'a', Cmd: 'echo hi', Entrypoint: '' });
    expect(calls[0]?.body).toMatchObject({ Cmd: ['echo hi'], Entrypoint: [''] });
  });

  test('names in other case, and ignores what it does not know', async () => {
    await create({ image: 'a', hostconfig: { MEMORY: 7, Nonsense: { x: [1] } }, Later: true });
    expect(calls[0]?.body).toEqual({ Image: 'a', HostConfig: { Memory: 7 } });
  });

  test.each(['application/json', 'Application/JSON', ' application/json ;charset=utf-8', '\tapplication/json'])('Content-Type %j', async (type) => {
    const answer = await server.call('POST', '/containers/create', { body: { Image: 'a' }, headers: { 'Content-Type': type } });
    expect(answer.status).toBe(201);
  });

  test.each([
    ['1.39', { IpcMode: 'shareable', CgroupnsMode: 'host' }],
    ['1.40', { CgroupnsMode: 'host' }],
    ['1.41', {}],
  ])('%s, and fills in what it meant by silence', async (version, host) => {
    await create({ Image: 'a' }, `/v${version}/containers/create?platform=linux`);
    expect(calls[0]?.body.HostConfig).toEqual(host);
    expect(calls[0]?.platform).toBe(version === '1.41' ? 'linux' : undefined);
  });

  test('a MAC address where it stood until 1.52', async () => {
    await create({ Image: 'a', MacAddress: '02:42:ac:11:00:02' }, '/v1.51/containers/create');
    await create({ Image: 'a', MacAddress: '02:42:ac:11:00:02' }, '/v1.52/containers/create');
    expect(calls.map(({ body }) => body.MacAddress)).toEqual(['02:42:ac:11:00:02', undefined]);
  });
});

describe('refuses with 400', () => {
  test.each<[string, unknown]>([
    ['the body', ''], ['the body', []], ['the body', '"x"'], ['the body', 'null'], ['Image', {}], ['Image', { Image: '' }], ['Image', { Image: 5 }], ['Image', { Image: 'a\0b' }],
    ['Env', { Image: 'a', Env: {} }], ['Env[1]', { Image: 'a', Env: ['A=1', 2] }], ['Env[0]', { Image: 'a', Env: [null] }], ['Cmd', { Image: 'a', Cmd: 1 }],
    ['Labels["x"]', { Image: 'a', Labels: { x: 1 } }], ['ExposedPorts["80"]', { Image: 'a', ExposedPorts: { 80: 1 } }], ['Tty', { Image: 'a', Tty: 'yes' }],
    ['StopTimeout', { Image: 'a', StopTimeout: 1.5 }], ['HostConfig', { Image: 'a', HostConfig: [] }], ['HostConfig.Memory', { Image: 'a', HostConfig: { Memory: '1g' } }],
    ['HostConfig.Memory', { Image: 'a', HostConfig: { Memory: -1 } }], ['HostConfig.Memory', { Image: 'a', HostConfig: { Memory: 2 ** 60 } }],
    ['HostConfig.MemorySwappiness', { Image: 'a', HostConfig: { MemorySwappiness: 101 } }], ['HostConfig.CgroupnsMode', { Image: 'a', HostConfig: { CgroupnsMode: 'x' } }],
    ['HostConfig.RestartPolicy.Name', { Image: 'a', HostConfig: { RestartPolicy: { Name: 'sometimes' } } }],
    ['HostConfig.ConsoleSize', { Image: 'a', HostConfig: { ConsoleSize: [1] } }], ['HostConfig.Ulimits[0].Name', { Image: 'a', HostConfig: { Ulimits: [{ Hard: 1 }] } }],
    ['HostConfig.Mounts[0].Type', { Image: 'a', HostConfig: { Mounts: [{ Type: 'floppy' }] } }],
    ['HostConfig.Devices[0].PathOnHost', { Image: 'a', HostConfig: { Devices: [{}] } }],
    ['HostConfig.PortBindings["80/tcp"][0].HostPort', { Image: 'a', HostConfig: { PortBindings: { '80/tcp': [{ HostPort: 80 }] } } }],
    ['HostConfig.Memory', '{"Image":"a","HostConfig":{"Memory":1,"memory":2}}'],
    ['NetworkingConfig.EndpointsConfig["n"].IPPrefixLen', { Image: 'a', NetworkingConfig: { EndpointsConfig: { n: { IPPrefixLen: 'x' } } } }],
  ])('%s: %j', async (field, body) => {
    const answer = await create(body);
    expect([answer.status, (answer.json as { message: string }).message]).toEqual([400, expect.stringContaining(field === 'the body' ? 'the body' : `invalid value of ${field}: `)]);
    expect(calls).toEqual([]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json2', 'text/plain; application/json', ''])('Content-Type %j', async (type) => {
    const answer = await server.call('POST', '/containers/create', { body: '{"Image":"a"}', headers: { 'Content-Type': type } });
    expect(answer).toMatchObject({ status: 400, json: { code: 'bad-content-type' } });
  });

  test.each(['{', '{"Image":"a"} x', '{"Image":"a","Image":"b"}', '{"__proto__":{"Image":"a"}}', `{"Image":${'['.repeat(100_000)}`, '{"Image":"a\u0001"}'])('JSON %.30s', async (body) => {
    expect(await create(body)).toMatchObject({ status: 400, json: { code: 'bad-json' } });
  });

  test('a body of more than a megabyte, announced or not', async () => {
    const body = JSON.stringify({ Image: 'a', Labels: { x: 'y'.repeat(1024 * 1024) } });
    expect(await create(body)).toMatchObject({ status: 400, json: { code: 'body-too-large' } });
    const chunked = await server.call('POST', '/containers/create', { body, headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '' } }).catch((error: unknown) => error);
    // The server answers and closes while the client still writes, which may see that first.
    if (!(chunked instanceof Error)) expect(chunked).toMatchObject({ status: 400 });
    expect(calls).toEqual([]);
  });
});

/** Whatever a client sends: an answer that is no defect, and a field or place that it names. */
test('any JSON is decoded or refused by name', async () => {
  const fields = Object.keys((JSON.parse(fromDockerCli) as { HostConfig: object }).HostConfig);
  const host = fc.dictionary(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(host, fc.jsonValue({ maxDepth: 2 }), async (HostConfig, other) => {
      const answer = await create({ Image: 'a', HostConfig, Labels: other });
      if (answer.status === 201) return;
      expect(answer.status).toBe(400);
      const { message, code } = answer.json as { message: string; code: string };
      expect(['bad-field', 'bad-json']).toContain(code);
      if (code === 'bad-field') expect(message).toMatch(/^invalid value of (HostConfig|Labels)/);
    }),
    { numRuns: 300 },
  );
});
