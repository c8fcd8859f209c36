import type { EventDraft } from '../events/event-log.ts';
import { familiarName, parseReference } from '@gantry/oci';
import type { ImageRecord } from './records.ts';

/** An event about an image, with the attributes that Docker gives it. */
export function imageEvent(action: 'pull' | 'tag' | 'untag' | 'delete', image: Pick<ImageRecord, 'id'> & Partial<Pick<ImageRecord, 'manifests'>>, name: string): EventDraft {
  const labels = image.manifests?.[0]?.labels;
  // What was pulled is told by the name that was asked for.
  return action === 'pull'
    ? { type: 'image', action, id: name, attributes: { ...labels, name: familiarName(parseReference(name)) } }
    : { type: 'image', action, id: image.id, attributes: { ...labels, name } };
}
