import { differences, hasDocument, openApi, responseSchema, type Schema } from '../../api-types/test/support/openapi.ts';
import type { ContainerState } from '@gantry/engine';
import { isGantryError } from '@gantry/errors';
import { describe, expect, test } from 'vitest';
import { toContainerFiltersForTest } from './support/filters.ts';
import { toExecInspect } from '../src/backends/exec.ts';
import { toRegistryAuth } from '../src/backends/images.ts';
import { passes } from '../src/backends/networks.ts';
import { toInspect, toSummary } from '../src/wire/container.ts';
import { toCreateContainer } from '../src/wire/create.ts';
import { toDriverReports } from '../src/wire/drivers.ts';
import { toHostConfig } from '../src/wire/host-config.ts';
import { toHistoryItem, toImageInspect, toImageSummary } from '../src/wire/image.ts';
import { toImageFilter } from '../src/wire/image-filters.ts';
import { toInfo, toVersion } from '../src/wire/info.ts';
import { networksOf } from '../src/wire/networks.ts';
import { beginning, ending, layerMessage } from '../src/wire/pull.ts';
import { statusSentence } from '../src/wire/status.ts';
import { fromNanos, humanSpan, unixNanos, unixSeconds } from '../src/wire/time.ts';
import { config, containerId, details, image, imageId, info } from './support/engine.ts';

const facts = { product: { name: 'Gantry', version: '0.1.0' }, debug: true, registryMirrors: ['https://m'], insecureRegistries: ['r:5000', '10.0.0.0/8'], proxies: { http: 'http://p', https: '', except: 'x' }, descriptors: 7, forwarding: true, osVersion: '12' };
const now = Date.parse('2026-11-25T03:17:32.304Z');

describe('times', () => {
  test.each([
    ['2026-11-25T01:17:31.982303744Z', 1795569451, 1795569451982303744n],
    ['2026-11-25T01:17:31Z', 1795569451, 1795569451000000000n],
    ['1970-01-01T00:00:00.000000001Z', 0, 1n],
  ])('%s', (time, seconds, nanos) => {
    expect([unixSeconds(time), unixNanos(time)]).toEqual([seconds, nanos]);
    expect(unixNanos(fromNanos(nanos))).toBe(nanos);
  });

  test('none and before 1970', () => {
    expect(unixSeconds(null)).toBe(0);
    expect(fromNanos(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
  });

  // As the docker CLI's library words them.
  test.each([
    [0.4, 'Less than a second'], [1, '1 second'], [59.9, '59 seconds'], [60, 'About a minute'], [119, 'About a minute'], [120, '2 minutes'], [3599, '59 minutes'],
    [3600, 'About an hour'], [5399, 'About an hour'], [5400, '2 hours'], [47 * 3600, '47 hours'], [48 * 3600, '2 days'], [13 * 86400, '13 days'], [14 * 86400, '2 weeks'],
    [59 * 86400, '8 weeks'], [60 * 86400, '2 months'], [729 * 86400, '24 months'], [730 * 86400, '2 years'],
  ])('%d seconds are %s', (seconds, words) => {
    expect(humanSpan(seconds)).toBe(words);
  });
});

test.each<[Partial<ContainerState>, string]>([
  [{ status: 'running' }, 'Up 2 hours'],
  [{ status: 'paused' }, 'Up 2 hours (Paused)'],
  [{ status: 'created', startedAt: null }, 'Created'],
  [{ status: 'exited', exitCode: 137, finishedAt: '2026-11-25T03:17:29Z' }, 'Exited (137) 3 seconds ago'],
  [{ status: 'exited', startedAt: null }, 'Created'],
  [{ status: 'restarting', exitCode: 1, finishedAt: '2026-11-25T03:17:29Z' }, 'Restarting (1) 3 seconds ago'],
  [{ status: 'removing' }, 'Removal In Progress'],
  [{ status: 'dead' }, 'Dead'],
])('%j is shown as %s', (state, sentence) => {
  expect(statusSentence({ ...details.state, ...state }, now)).toBe(sentence);
});

describe('a container', () => {
  test('in a list', () => {
    expect(toSummary(details, info.id, now)).toMatchObject({
      Id: containerId, Names: ['/web'], Image: 'busybox', ImageID: imageId, Command: "sh -c 'echo hi'", Created: 1795569451, State: 'running', Status: 'Up 2 hours', SizeRw: 5,
      Ports: [{ PrivatePort: 80, Type: 'tcp' }, { PrivatePort: 53, Type: 'udp' }], HostConfig: { NetworkMode: 'host', Annotations: { x: 'y' } },
      NetworkSettings: { Networks: { host: { NetworkID: expect.stringMatching(/^[0-9a-f]{64}$/) as string } } },
    });
  });

  test('in full', () => {
    expect(toInspect(details, info.id)).toMatchObject({
      Id: containerId, Name: '/web', Path: 'sh', Args: ['-c', 'echo hi'], Image: imageId, Driver: 'overlay', Platform: 'linux', RestartCount: 1, ExecIDs: ['e1'],
      State: { Status: 'running', Running: true, Pid: 42, FinishedAt: '0001-01-01T00:00:00Z' },
      Config: { Hostname: 'cccccccccccc', Image: 'busybox', Cmd: ['sh', '-c', 'echo hi'], OpenStdin: true, StdinOnce: true, ExposedPorts: { '80/tcp': {}, '53/udp': {} }, Labels: { a: 'b' } },
    });
  });

  test.each([
    ['running', true, false, false], ['paused', true, true, false], ['restarting', true, false, true], ['exited', false, false, false], ['created', false, false, false],
  ] as const)('%s', (status, Running, Paused, Restarting) => {
    expect(toInspect({ ...details, state: { ...details.state, status } }, info.id).State).toMatchObject({ Status: status, Running, Paused, Restarting });
  });

  test('keeps what it was made with', () => {
    expect(toHostConfig(config)).toMatchObject({
      Memory: 67108864, MemorySwap: 134217728, MemorySwappiness: null, PidsLimit: 100, Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }], CapAdd: ['NET_ADMIN'], CapDrop: null,
      Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' }], ReadonlyRootfs: true, Tmpfs: { '/t': 'size=1m' }, PidMode: 'host', UTSMode: '',
      NetworkMode: 'host', RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 }, LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } }, AutoRemove: true,
      MaskedPaths: expect.arrayContaining(['/proc/kcore']) as string[], ReadonlyPaths: expect.arrayContaining(['/proc/sys']) as string[],
    });
  });

  test.each([
    [{ privileged: true }, null],
    [{ maskedPaths: [] }, []],
    [{ maskedPaths: ['/x'], privileged: true }, ['/x']],
  ])('masks with %j are %j', (security, expected) => {
    expect(toHostConfig({ ...config, security: { ...config.security, ...security } }).MaskedPaths).toEqual(expected);
  });

  test('of the engine’s own network is in none', () => {
    expect(toInspect({ ...details, config: { ...config, network: { ...config.network, mode: 'default' } } }, info.id).NetworkSettings.Networks).toEqual({});
    expect(Object.keys(toInspect({ ...details, config: { ...config, networkDisabled: true } }, info.id).NetworkSettings.Networks)).toEqual(['none']);
  });
});

describe('a request to create', () => {
  test('what the docker CLI sends for nothing in particular asks for nothing in particular', () => {
    const request = toCreateContainer({
      body: {
        Image: 'busybox', Hostname: '', Cmd: ['true'], Volumes: {}, Labels: {},
        HostConfig: {
          LogConfig: { Type: '', Config: {} }, NetworkMode: 'default', PortBindings: {}, RestartPolicy: { Name: 'no', MaximumRetryCount: 0 }, AutoRemove: true, ConsoleSize: [0, 0],
          CgroupnsMode: '', IpcMode: '', PidMode: '', ShmSize: 0, Memory: 0,
        },
        NetworkingConfig: { EndpointsConfig: { default: {} } },
      },
    });
    expect(request).toMatchObject({ image: 'busybox', name: undefined, cmd: ['true'], autoRemove: true, network: { mode: 'default' }, log: { driver: undefined, options: {} } });
    expect(request.namespaces).toEqual({ ipc: undefined, pid: undefined, uts: undefined, cgroup: undefined });
    expect(request.consoleSize).toBeUndefined();
    expect(request.filesystem?.shmSize).toBeUndefined();
    expect(request.notYet).toMatchObject({ ports: {}, endpoints: { default: {} } });
  });

  test('everything else goes along', () => {
    const request = toCreateContainer({
      name: 'x',
      platform: 'linux/arm64',
      body: {
        Image: 'a', Entrypoint: ['/e'], Env: ['A=1'], Tty: true, OpenStdin: true, StopTimeout: 3, ExposedPorts: { '80/tcp': {} }, Volumes: { '/v': {} }, MacAddress: '02:00:00:00:00:01',
        Healthcheck: { Test: ['NONE'] },
        HostConfig: {
          Binds: ['/a:/b'], PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '81/tcp': null }, Init: true, Links: ['a'], UsernsMode: 'host', VolumesFrom: ['c'],
          Mounts: [{ Type: 'bind' }], Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }], ConsoleSize: [24, 80], SecurityOpt: ['no-new-privileges'], MaskedPaths: [], Tmpfs: { '/t': '' },
          BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 5 }], Devices: [{ PathOnHost: '/a', PathInContainer: '/b', CgroupPermissions: 'r' }],
        },
      },
    });
    expect(request).toMatchObject({
      name: 'x', platform: { os: 'linux', architecture: 'arm64' }, entrypoint: ['/e'], env: ['A=1'], terminal: true, stdin: true, stopTimeout: 3, exposedPorts: ['80/tcp'], volumes: ['/v'],
      healthcheck: { Test: ['NONE'] }, consoleSize: { rows: 24, cols: 80 }, filesystem: { tmpfs: { '/t': '' } },
      resources: { ulimits: [{ name: 'nofile', soft: 1, hard: 2 }], blkioReadBps: [{ path: '/dev/sda', rate: 5 }] },
      security: { options: ['no-new-privileges'], maskedPaths: [], devices: [{ hostPath: '/a', containerPath: '/b', access: 'r' }] },
      notYet: {
        binds: ['/a:/b'], ports: { '80/tcp': [{ hostIp: '', hostPort: '8080' }], '81/tcp': null }, init: true, links: ['a'], userns: 'host', volumesFrom: ['c'], mounts: [{ Type: 'bind' }],
        macAddress: '02:00:00:00:00:01',
      },
    });
  });

  test('a platform that is none is refused', () => {
    expect(() => toCreateContainer({ platform: 'a/b/c/d', body: { Image: 'a' } })).toThrow('invalid platform');
  });
});

describe('filters', () => {
  test.each<[Record<string, string[]>, object]>([
    [{ id: ['c'], name: ['w'], label: ['a=b'], status: ['running'], exited: ['0', '1'], ancestor: ['busybox'], before: ['x'], since: ['y'], network: ['host'] },
      { ids: ['c'], names: ['w'], labels: ['a=b'], statuses: ['running'], exitCodes: [0, 1], ancestors: ['busybox'], before: 'x', since: 'y', networks: ['host'] }],
    [{}, {}],
  ])('%j go to the engine', (filters, expected) => {
    expect(toContainerFiltersForTest(filters).query.filter).toEqual(expected);
  });

  test.each<[Record<string, string[]>, boolean]>([
    [{ expose: ['80'] }, true], [{ expose: ['80/udp'] }, false], [{ expose: ['50-60/udp'] }, true], [{ publish: ['80'] }, false], [{ volume: ['v'] }, false], [{ health: ['none'] }, true],
    [{ health: ['healthy'] }, false], [{ 'is-task': ['true'] }, false], [{ annotation: ['x'] }, true], [{ annotation: ['x=y'] }, true], [{ annotation: ['x=z'] }, false], [{ annotation: ['toString'] }, false],
  ])('%j let the sample through: %s', (filters, passesThrough) => {
    expect(toContainerFiltersForTest(filters).select([details])).toHaveLength(passesThrough ? 1 : 0);
  });

  test('a limit counts what is left', () => {
    const selection = toContainerFiltersForTest({ expose: ['80'] }, 1);
    expect(selection.query).toMatchObject({ all: true, limit: undefined });
    expect(selection.select([{ ...details, config: { ...config, exposedPorts: [] } }, details, details])).toEqual([details]);
    expect(toContainerFiltersForTest({}, 2).query).toMatchObject({ all: false, limit: 2 });
  });

  test.each<[Record<string, string[]>, string]>([
    [{ status: ['asleep'] }, "invalid filter 'status=asleep'"], [{ exited: ['x'] }, "invalid filter 'exited=x'"], [{ expose: ['http'] }, "invalid filter 'expose=http'"],
  ])('%j are refused', (filters, message) => {
    expect(() => toContainerFiltersForTest(filters)).toThrow(message);
  });

  test.each([
    ['1795569451', '2026-11-25T01:17:31.000000000Z'], ['1h30m', '2026-11-25T01:47:32.304000000Z'], ['2026-11-25', '2026-11-25T00:00:00.000000000Z'],
    ['2026-11-25T01:17:31+01:00', '2026-11-25T00:17:31.000000000Z'],
  ])('images until %s are those until %s', (until, time) => {
    expect(toImageFilter(new Map([['until', [until]]]), now).until).toBe(time);
  });

  test.each([['until', 'soon'], ['dangling', 'perhaps'], ['until', '1h'.repeat(50)]])('images by %s=%s are refused', (name, value) => {
    let seen: unknown;
    try {
      toImageFilter(new Map([[name, [value]]]), now);
    } catch (error) {
      seen = error;
    }
    expect(isGantryError(seen) && seen.code).toBe('bad-filter');
  });

  test.each<[Record<string, string[]>, string[]]>([
    [{}, ['host', 'none']], [{ name: ['os'] }, ['host']], [{ driver: ['null'] }, ['none']], [{ type: ['custom'] }, []], [{ scope: ['swarm'] }, []], [{ label: ['a'] }, []], [{ dangling: ['true'] }, []],
  ])('networks by %j are %j', (filters, names) => {
    const found = networksOf('e', 't').filter((network) => passes(network, new Map(Object.entries(filters))));
    expect(found.map(({ Name }) => Name)).toEqual(names);
  });
});

describe('a pull in Docker’s words', () => {
  test.each([
    ['debian:12', 'library/debian', '12'], ['debian', 'library/debian', 'latest'], ['127.0.0.1:5000/a/b:1', 'a/b', '1'], [`x@${imageId}`, 'library/x', imageId],
  ])('%s', (reference, path, id) => {
    expect(beginning(reference)).toEqual({ status: `Pulling from ${path}`, id });
  });

  test.each([
    ['waiting', {}, 'Pulling fs layer', {}], ['downloading', { current: 1, total: 4 }, 'Downloading', { current: 1, total: 4 }], ['downloaded', { current: 4, total: 4 }, 'Download complete', {}],
    ['extracting', { current: 4, total: 4 }, 'Extracting', { current: 4, total: 4 }], ['complete', {}, 'Pull complete', {}], ['exists', {}, 'Already exists', {}],
    ['retrying', { seconds: 1 }, 'Retrying in 1 second', {}], ['retrying', { seconds: 5 }, 'Retrying in 5 seconds', {}],
  ] as const)('%s %j', (phase, numbers, status, progressDetail) => {
    expect(layerMessage({ kind: 'layer', digest: imageId, phase, ...numbers })).toEqual({ status, progressDetail, id: 'aaaaaaaaaaaa' });
  });

  test('its end', () => {
    expect(ending({ reference: 'debian:12', digest: imageId, changed: true })).toEqual([{ status: `Digest: ${imageId}` }, { status: 'Status: Downloaded newer image for debian:12' }]);
    expect(ending({ reference: 'debian:12', digest: imageId, changed: false })[1]).toEqual({ status: 'Status: Image is up to date for debian:12' });
    expect(layerMessage({ kind: 'resolving', reference: 'x' })).toBeUndefined();
  });
});

test.each([
  [undefined, undefined],
  [{ username: 'u', password: 'p' }, { username: 'u', password: 'p' }],
  [{ auth: Buffer.from('u:p:q').toString('base64') }, { username: 'u', password: 'p:q' }],
  [{ identitytoken: 'i', registrytoken: 'r' }, { identityToken: 'i', registryToken: 'r' }],
])('credentials %j', (given, expected) => {
  expect(toRegistryAuth(given)).toEqual(expected);
});

describe('the system', () => {
  test('info', () => {
    expect(toInfo(info, facts)).toMatchObject({
      ID: 'engine-1', Containers: 3, ContainersRunning: 1, Images: 2, Driver: 'overlay', DriverStatus: [['Backing Filesystem', 'ext4']], SwapLimit: false, MemoryLimit: true, CgroupVersion: '1',
      OomKillDisable: true, Architecture: 'x86_64', Debug: true, IPv4Forwarding: true, ServerVersion: '0.1.0', Runtimes: { linux: { path: 'linux' }, other: { path: 'other' } },
      RegistryConfig: { InsecureRegistryCIDRs: ['10.0.0.0/8', '127.0.0.0/8'], Mirrors: ['https://m'], IndexConfigs: { 'r:5000': { Secure: false } } }, Warnings: ['WARNING: No swap limit support'], HttpProxy: 'http://p', NoProxy: 'x',
    });
    expect(toInfo({ ...info, host: { ...info.host, cgroup: 'v2' }, warnings: [] }, facts)).toMatchObject({ CgroupVersion: '2', OomKillDisable: false, Warnings: null });
  });

  test('version', () => {
    expect(toVersion(facts.product, info.host)).toMatchObject({ Version: '0.1.0', ApiVersion: '1.56', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64', KernelVersion: '6.18' });
  });

  test('drivers', () => {
    expect(toDriverReports(info)).toEqual([
      { kind: 'storage', name: 'overlay', package: '@gantry/storage-overlay', status: 'used' },
      { kind: 'runtime', name: 'linux', package: '@gantry/runtime-linux', status: 'used' },
      { kind: 'runtime', name: 'other', package: '', status: 'available' },
      { kind: 'log', name: 'json-file', package: '@gantry/log-file', status: 'used' },
      { kind: 'storage', name: 'erofs', package: '@acme/erofs', status: 'passed-over', reason: 'the kernel is too old' },
    ]);
  });
});

const exec = { id: 'e1', containerId, running: false, exitCode: 0, pid: 9, request: { cmd: ['echo', 'yo'], attachStdout: true } } as const;

describe.skipIf(!hasDocument)('agree with the OpenAPI document', () => {
  const definition = (name: string): Schema => openApi().definitions[name] ?? {};
  test.each<[string, () => unknown, () => Schema]>([
    ['a container in full', () => toInspect(details, info.id), () => definition('ContainerInspectResponse')],
    ['a container in a list', () => [toSummary(details, info.id, now)], () => responseSchema('GET', '/containers/json', 200)],
    ['an image in full', () => toImageInspect(image), () => definition('ImageInspect')],
    ['an image in a list', () => [toImageSummary(image)], () => responseSchema('GET', '/images/json', 200)],
    ['history', () => [toHistoryItem({ id: null, createdAt: null, createdBy: 'RUN x', tags: [], size: 1, comment: '' })], () => responseSchema('GET', '/images/{name}/history', 200)],
    ['info', () => toInfo(info, facts), () => definition('SystemInfo')],
    ['version', () => toVersion(facts.product, info.host), () => definition('SystemVersion')],
    ['networks', () => networksOf('e', '2026-11-25T00:00:00Z'), () => responseSchema('GET', '/networks', 200)],
    ['an exec', () => toExecInspect(exec), () => responseSchema('GET', '/exec/{id}/json', 200)],
  ])('%s', (_name, value, schema) => {
    // As Docker sends them, whatever the document says.
    expect(differences(value(), schema(), { legacy: ['Containers'], nulls: ['MemorySwappiness', 'OomKillDisable'] })).toEqual([]);
  });
});
