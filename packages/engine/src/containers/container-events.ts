import type { EventDraft } from '../events/event-log.ts';
import type { ContainerRow } from './container.ts';

/** An event about a container, with the attributes that Docker gives it: its labels, then what everything else is told by. */
export function containerEvent(row: ContainerRow, action: string, more: Readonly<Record<string, string>> = {}): EventDraft {
  return { type: 'container', action, id: row.id, attributes: { ...row.config.labels, ...more, image: row.origin.reference, name: row.name } };
}
