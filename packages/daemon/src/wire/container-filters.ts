import type { ContainerListQuery, Filters } from '@gantry/api';
import type { ContainerFilter, ContainerSummary, ListContainers } from '@gantry/engine';
import { GantryError } from '@gantry/errors';

const statuses: ReadonlySet<string> = new Set(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']);

function bad(name: string, value: string): GantryError {
  return new GantryError('invalid', 'bad-filter', `invalid filter '${name}=${value.slice(0, 64)}'`, { details: { filter: name } });
}

const codes = (values: readonly string[] | undefined): readonly number[] | undefined =>
  values?.map((value) => {
    if (!/^-?\d{1,10}$/.test(value)) throw bad('exited', value);
    return Number(value);
  });

function checkedStatuses(values: readonly string[] | undefined): readonly string[] | undefined {
  const wrong = values?.find((value) => !statuses.has(value));
  if (wrong !== undefined) throw bad('status', wrong);
  return values;
}

/** What the engine filters by itself. */
function toEngineFilter(filters: Filters): ContainerFilter {
  return {
    ids: filters.get('id'),
    names: filters.get('name'),
    labels: filters.get('label'),
    statuses: checkedStatuses(filters.get('status')),
    exitCodes: codes(filters.get('exited')),
    ancestors: filters.get('ancestor'),
    before: filters.get('before')?.[0],
    since: filters.get('since')?.[0],
    networks: filters.get('network'),
  };
}

interface PortRange {
  readonly from: number;
  readonly to: number;
  readonly protocol: string;
}

/** `80`, `80/udp`, `8000-8010/tcp` */
function parsePorts(value: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (match === null) throw bad('expose', value);
  return { from: Number(match[1]), to: Number(match[2] ?? match[1]), protocol: match[3] ?? 'tcp' };
}

const exposes = (container: ContainerSummary, { from, to, protocol }: PortRange): boolean =>
  container.config.exposedPorts.some((exposed) => {
    const port = parsePorts(exposed);
    return port.protocol === protocol && port.from <= to && port.to >= from;
  });

function hasAnnotation(annotations: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(annotations, wanted);
  const key = wanted.slice(0, equals);
  return Object.hasOwn(annotations, key) && annotations[key] === wanted.slice(equals + 1);
}

type Keep = (container: ContainerSummary) => boolean;

/** What it does not: most of it has one answer, since no container here has a published port, a volume, a check or a task. */
function toPredicates(filters: Filters): readonly Keep[] {
  const rules: Readonly<Record<string, (values: readonly string[]) => Keep>> = {
    expose: (values) => {
      const ranges = values.map(parsePorts);
      return (container) => ranges.some((range) => exposes(container, range));
    },
    publish: () => () => false,
    volume: () => () => false,
    health: (values) => () => values.includes('none'),
    'is-task': (values) => () => values.includes('false') || values.includes('0'),
    isolation: (values) => () => values.includes('default'),
    annotation: (values) => ({ config }) => values.every((value) => hasAnnotation(config.annotations, value)),
  };
  return Object.entries(rules).flatMap(([name, rule]) => {
    const values = filters.get(name);
    return values === undefined ? [] : [rule(values)];
  });
}

export interface ContainerSelection {
  readonly query: ListContainers;
  /** Applied to what the engine found. */
  select(found: readonly ContainerSummary[]): readonly ContainerSummary[];
}

/** A list as a client asks for it. @throws GantryError invalid `bad-filter` */
export function toSelection({ all, limit, size, filters }: ContainerListQuery): ContainerSelection {
  const keeps = toPredicates(filters);
  // A limit counts what is left after all filters; and it looks at all containers, running or not.
  const late = keeps.length > 0 ? limit : undefined;
  return {
    query: { all: all || late !== undefined, limit: late === undefined ? limit : undefined, size, filter: toEngineFilter(filters) },
    select: (found) => found.filter((container) => keeps.every((keep) => keep(container))).slice(0, late),
  };
}
