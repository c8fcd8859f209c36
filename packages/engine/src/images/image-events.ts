import type { EventDraft } from '../events/event-log.ts';
import type { ImageRecord } from './records.ts';

/** An event about an image, with the attributes that Docker gives it. */
export function imageEvent(action: 'pull' | 'tag' | 'untag' | 'delete', image: Pick<ImageRecord, 'id'> & Partial<Pick<ImageRecord, 'manifests'>>, name: string): EventDraft {
  return { type: 'image', action, id: action === 'pull' ? name : image.id, attributes: { ...image.manifests?.[0]?.labels, name } };
}
