import type { EngineEvent, EventFilter } from '../types/index.ts';
import { matchesLabel } from '../util/labels.ts';

/** Whether an event is asked for. */
export function matchesEvent(event: EngineEvent, filter: EventFilter): boolean {
  const { attributes, id } = event.actor;
  const some = (wanted: readonly string[] | undefined, test: (value: string) => boolean): boolean => wanted === undefined || wanted.length === 0 || wanted.some(test);
  return (
    some(filter.types, (type) => event.type === type) &&
    // Docker's exec actions carry their command behind a colon.
    some(filter.actions, (action) => event.action === action || event.action.startsWith(`${action}:`)) &&
    some(filter.containers, (ref) => event.type === 'container' && (attributes['name'] === ref || (ref !== '' && id.startsWith(ref)))) &&
    some(filter.images, (ref) => isImage(event, ref)) &&
    (filter.labels ?? []).every((label) => matchesLabel(attributes, label))
  );
}

function isImage(event: EngineEvent, ref: string): boolean {
  const { attributes, id } = event.actor;
  const names = event.type === 'image' ? [id, attributes['name']] : event.type === 'container' ? [attributes['image']] : [];
  return names.some((name) => name !== undefined && (name === ref || withoutTag(name) === ref));
}

function withoutTag(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}
