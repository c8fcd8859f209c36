/** What a Linux container gets as PATH if nobody says otherwise. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Environment {
  readonly env: readonly string[];
  readonly hostname: string;
  readonly terminal: boolean;
  readonly home: string;
}

/** The environment of a container's first process: Docker's, in its order. A later entry of one name replaces the earlier; a bare `NAME` removes it. */
export function environment({ env, hostname, terminal, home }: Environment): readonly string[] {
  const variables = new Map<string, string>([['PATH', defaultPath], ['HOSTNAME', hostname]]);
  if (terminal) variables.set('TERM', 'xterm');
  const removed = apply(variables, env);
  if (!variables.has('HOME') && !removed.has('HOME')) variables.set('HOME', home);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

function apply(variables: Map<string, string>, entries: readonly string[]): ReadonlySet<string> {
  const removed = new Set<string>();
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
    else if (equals < 0 && entry !== '') {
      variables.delete(entry);
      removed.add(entry);
    }
  }
  return removed;
}
