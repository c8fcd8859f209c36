import type { ContainerConfig, ContainerDetails, ContainerStreams, Engine, EngineEvent, EngineInfo, ImageDetails } from '@gantry/engine';
import { GantryError } from '@gantry/errors';
import { isDigest, type Digest, type DiffID } from '@gantry/oci';

function digestOf(char: string): Digest {
  const text = `sha256:${char.repeat(64)}`;
  if (!isDigest(text)) throw new Error(text);
  return text;
}

export const imageId: Digest = digestOf('a');
const diffId = digestOf('b') as unknown as DiffID;
const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: imageId, size: 1234 };

export const containerId: string = 'c'.repeat(64);

export const config: ContainerConfig = {
  entrypoint: null, cmd: ['sh', '-c', 'echo hi'], env: ['PATH=/bin'], user: '', workingDir: '/w', hostname: '', domainname: '', labels: { a: 'b' }, terminal: false,
  stdin: true, stdinOnce: true, attach: { stdin: true, stdout: true, stderr: true }, stopSignal: '', exposedPorts: ['80/tcp', '53/udp'], volumes: [], onBuild: [],
  shell: [], networkDisabled: false,
  resources: {
    memory: 67108864, memorySwap: 134217728, memoryReservation: 0, memorySwappiness: null, oomKillDisable: null, oomScoreAdj: 0, nanoCpus: 0, cpuShares: 0, cpuQuota: 0,
    cpuPeriod: 0, cpuRealtimePeriod: 0, cpuRealtimeRuntime: 0, cpusetCpus: '', cpusetMems: '', pidsLimit: 100, blkioWeight: 0, blkioWeightDevices: [], blkioReadBps: [],
    blkioWriteBps: [], blkioReadIops: [], blkioWriteIops: [], ulimits: [{ name: 'nofile', soft: 10, hard: 20 }], cgroupParent: '',
  },
  security: {
    privileged: false, capAdd: ['NET_ADMIN'], capDrop: [], options: [], groupAdd: [], sysctls: {}, maskedPaths: null, readonlyPaths: null,
    devices: [{ hostPath: '/dev/fuse', containerPath: '/dev/fuse', access: 'rwm' }], deviceRules: [],
  },
  namespaces: { ipc: 'private', pid: 'host', uts: 'private', cgroup: 'private' },
  filesystem: { readonlyRoot: true, tmpfs: { '/t': 'size=1m' }, shmSize: 67108864 },
  network: { mode: 'host', dns: [], dnsSearch: [], dnsOptions: [], extraHosts: [] },
  restart: { name: 'on-failure', maximumRetryCount: 3 },
  log: { driver: 'json-file', options: { 'max-size': '1m' } },
  autoRemove: true, runtime: 'linux', annotations: { x: 'y' },
};

export const details: ContainerDetails = {
  id: containerId, name: 'web', createdAt: '2026-11-25T01:17:31.982303744Z', image: { reference: 'busybox', id: imageId, manifest }, path: 'sh', args: ['-c', 'echo hi'],
  state: { status: 'running', pid: 42, exitCode: 0, oomKilled: false, error: '', startedAt: '2026-11-25T01:17:32.304528438Z', finishedAt: null }, config,
  platform: { os: 'linux', architecture: 'amd64' }, restartCount: 1, storageDriver: 'overlay', layerChain: null, logPath: '/l', hostsPath: '/e', hostnamePath: '/h',
  resolvConfPath: '/r', execIds: ['e1'], sizeRw: 5, sizeRootFs: 10,
};

export const image: ImageDetails = {
  id: imageId, target: manifest, repoTags: ['busybox:latest'], repoDigests: [`busybox@${imageId}`], createdAt: '2026-11-25T01:08:18.074895299Z', size: 1984172, sharedSize: -1,
  labels: {}, containers: 2, platforms: [{ os: 'linux', architecture: 'amd64' }], manifest, configDigest: imageId, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  author: 'me', comment: 'Imported from -', config: { Env: ['PATH=/bin'], Cmd: ['sh'], Entrypoint: null, User: '', Labels: {}, ExposedPorts: { '80/tcp': {} }, Volumes: { '/v': {} } },
  layers: [diffId], lastTaggedAt: '2026-11-25T01:09:12.208778919Z', storageDriver: 'overlay',
};

export const info: EngineInfo = {
  id: 'engine-1', version: '0.1.0', dataRoot: '/d', containers: { total: 3, running: 1, paused: 1, stopped: 1 }, images: 2,
  storage: { kind: 'storage', as: 'overlay', name: 'overlay', package: '@gantry/storage-overlay', domain: 'local', status: [['Backing Filesystem', 'ext4']] },
  drivers: [
    { kind: 'storage', as: 'overlay', name: 'overlay', package: '@gantry/storage-overlay', domain: 'local', status: [] },
    { kind: 'runtime', as: 'linux', name: 'linux', package: '@gantry/runtime-linux', domain: 'local', status: [] },
    { kind: 'runtime', as: 'other', name: 'linux', domain: 'local', status: [] },
    { kind: 'log', as: 'json-file', name: 'json-file', package: '@gantry/log-file', domain: 'local', status: [] },
  ],
  skipped: [{ kind: 'storage', name: 'erofs', package: '@acme/erofs', reason: 'the kernel is too old' }],
  runtimes: ['linux', 'other'], defaultRuntime: 'linux', logs: ['json-file', 'none'], defaultLog: 'json-file',
  host: { name: 'vm', kernel: '6.18', os: 'Debian GNU/Linux 12 (bookworm)', arch: 'x86_64', cpus: 2, memory: 1024, cgroup: 'v1', cgroupDriver: 'cgroupfs', features: { swapLimit: 'false' } },
  securityOptions: ['name=seccomp,profile=builtin'], eventListeners: 1, time: '2026-11-25T00:00:00.000000000Z', warnings: ['WARNING: No swap limit support'],
};

type Methods = { readonly [K in 'images' | 'containers' | 'execs']?: Partial<Engine[K]> };

function refusing<T extends object>(name: string, methods: Partial<T>): T {
  return new Proxy(methods, {
    get: (target, method) => Reflect.get(target, method) ?? (() => Promise.reject(new GantryError('internal', 'not-scripted', `the test did not expect ${name}.${String(method)}`))),
  }) as T;
}

/** An engine that does what the test says. */
export function scriptedEngine(methods: Methods = {}, events: readonly EngineEvent[] = []): Engine {
  return {
    id: 'engine-1',
    version: '0.1.0',
    images: refusing('images', methods.images ?? {}),
    containers: refusing('containers', methods.containers ?? {}),
    execs: refusing('execs', methods.execs ?? {}),
    info: async () => info,
    events: async function* () {
      yield* events;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export function streamsOf(o: Partial<ContainerStreams> = {}): ContainerStreams {
  return {
    terminal: false,
    output: (async function* () {
      yield* [];
    })(),
    [Symbol.asyncDispose]: async () => undefined,
    ...o,
  };
}
