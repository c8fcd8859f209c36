import type { Core } from '../core.ts';
import { commandOf } from '../spec/process.ts';
import type { ContainerDetails, ContainerFilter, ContainerSummary, ListContainers } from '../types/index.ts';
import { matchesLabel } from '../util/labels.ts';
import { compareTimes } from '../util/time.ts';
import type { Container } from './container.ts';
import { logSink } from './log-sink.ts';

type Needs = Pick<Core, 'containers' | 'images' | 'drivers' | 'files'>;

/** See `Containers.list`. Only `size` asks a driver. */
export async function list(core: Needs, o: ListContainers): Promise<readonly ContainerSummary[]> {
  const filter = o.filter ?? {};
  const matches = compile(core, filter);
  // As Docker: a limit, and filters that only make sense for it, look at all containers.
  const everything = o.all === true || (o.limit ?? 0) > 0 || [filter.statuses, filter.exitCodes].some((list) => (list?.length ?? 0) > 0) || filter.before !== undefined || filter.since !== undefined;
  const found = newestFirst(core.containers.all()).filter((container) => (everything || container.isRunning) && matches(container));
  const rows = o.limit !== undefined && o.limit > 0 ? found.slice(0, o.limit) : found;
  return o.size === true ? Promise.all(rows.map(async (container) => ({ ...summary(container), ...(await sizes(core, container)) }))) : rows.map(summary);
}

function newestFirst(containers: Container[]): Container[] {
  return containers.sort((a, b) => compareTimes(b.row.createdAt, a.row.createdAt));
}

function compile(core: Needs, filter: ContainerFilter): (container: Container) => boolean {
  const some = <T>(wanted: readonly T[] | undefined, test: (value: T) => boolean): boolean => wanted === undefined || wanted.length === 0 || wanted.some(test);
  const before = filter.before === undefined ? undefined : core.containers.find(filter.before).row.createdAt;
  const since = filter.since === undefined ? undefined : core.containers.find(filter.since).row.createdAt;
  const ancestors = filter.ancestors?.map((ref) => ({ ref, id: core.images.find(ref) }));
  return ({ id, row }) =>
    some(filter.ids, (prefix) => id.startsWith(prefix)) &&
    some(filter.names, (name) => matchesName(row.name, name)) &&
    (filter.labels ?? []).every((label) => matchesLabel(row.config.labels, label)) &&
    some(filter.statuses, (status) => row.state.status === status) &&
    some(filter.exitCodes, (code) => row.state.startedAt !== null && row.state.status === 'exited' && row.state.exitCode === code) &&
    some(ancestors, (ancestor) => row.origin.reference === ancestor.ref || row.origin.id === ancestor.id) &&
    some(filter.networks, (network) => row.config.network.mode === network || (network === 'bridge' && row.config.network.mode === 'default')) &&
    (before === undefined || compareTimes(row.createdAt, before) < 0) &&
    (since === undefined || compareTimes(row.createdAt, since) > 0);
}

/** A part of the name; `^` and `$` anchor it, and a leading slash is one of Docker's. No pattern language: it would run on what clients send. */
function matchesName(name: string, wanted: string): boolean {
  const [, begin = '', text = '', end = ''] = /^(\^?)\/?(.*?)(\$?)$/s.exec(wanted) ?? [];
  if (begin !== '' && end !== '') return name === text;
  if (begin !== '') return name.startsWith(text);
  return end === '' ? name.includes(text) : name.endsWith(text);
}

function summary({ id, row }: Container): ContainerSummary {
  const { name, createdAt, origin, state, config } = row;
  return { id, name, createdAt, image: { reference: origin.reference, id: origin.id, manifest: origin.manifest }, ...commandOf(config), state, config };
}

async function sizes(core: Needs, { id, row }: Container): Promise<{ sizeRw: number; sizeRootFs: number }> {
  const [{ bytes }, layers] = await Promise.all([core.drivers.storage.usage({ snapshot: id }), core.images.layerBytes(row.origin.layerChain)]);
  return { sizeRw: bytes, sizeRootFs: bytes + layers };
}

/** See `Containers.inspect`. */
export async function inspect(core: Needs, container: Container, size: boolean): Promise<ContainerDetails> {
  const { id, row } = container;
  const [files, log] = await Promise.all([core.files.paths(id), logSink(core, container)]);
  return {
    ...summary(container),
    ...(size ? await sizes(core, container) : {}),
    platform: row.origin.platform,
    restartCount: row.restartCount,
    storageDriver: core.drivers.storage.name,
    layerChain: row.origin.layerChain,
    ...(log?.format === 'json-file' ? { logPath: log.path } : {}),
    hostsPath: files.hosts,
    hostnamePath: files.hostname,
    resolvConfPath: files.resolvConf,
    execIds: [...container.execs.values()].filter(({ phase }) => phase !== 'ended').map((exec) => exec.id),
  };
}
