import type { Answer } from './step.ts';

/** Keys whose values are of one run only: replaced by their type, so that presence and kind still count. */
const volatile = new Set([
  'Created', 'StartedAt', 'FinishedAt', 'Pid', 'SandboxID', 'SandboxKey', 'EndpointID', 'NetworkID', 'ResolvConfPath', 'HostnamePath', 'HostsPath', 'LogPath', 'time', 'timeNano', 'SystemTime',
  'LastTagTime', 'Hostname', 'Size', 'VirtualSize', 'SharedSize', 'Status_', 'execDuration', 'MacAddress', 'GwPriority', 'RunningFor', 'CreatedAt', 'CreatedSince',
]);

/** Makes two runs of a scenario on two engines comparable: ids, times and addresses become names in the order of their first appearance. */
export class Normaliser {
  readonly #names = new Map<string, string>();

  answer(code: number | null, stdout: string, stderr: string): Answer {
    return { code, stdout: this.#body(stdout), stderr: this.text(stderr) };
  }

  text(text: string): string {
    return text
      .replace(/\b[0-9a-f]{64}\b/g, (id) => this.#name(id.slice(0, 12), 'id'))
      .replace(/\b[0-9a-f]{12}\b/g, (id) => (/[a-f]/.test(id) && /\d/.test(id) ? this.#name(id, 'id') : id))
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?( \w+)?/g, '<time>')
      .replace(/(Less than a second|About a minute|About an hour|\d+ (seconds?|minutes?|hours?|days?)) ago/g, '<ago>')
      .replace(/Up (Less than a second|\d+ seconds?)/g, 'Up <time>');
  }

  #body(text: string): unknown {
    const trimmed = text.trim();
    if (/^[[{]/.test(trimmed)) {
      try {
        return this.#value(JSON.parse(trimmed), '');
      } catch {
        // Several objects, a line each, or no JSON at all.
      }
      const lines = trimmed.split('\n');
      try {
        return lines.map((line) => this.#value(JSON.parse(line), ''));
      } catch {
        return this.text(text);
      }
    }
    return this.text(text);
  }

  #value(value: unknown, key: string): unknown {
    if (volatile.has(key)) return value === null ? null : `<${Array.isArray(value) ? 'array' : typeof value}>`;
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#value(item, ''));
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [this.text(name), this.#value(item, name)]));
    return value;
  }

  #name(id: string, kind: string): string {
    let name = this.#names.get(id);
    if (name === undefined) {
      name = `<${kind} ${this.#names.size + 1}>`;
      this.#names.set(id, name);
    }
    return name;
  }
}
