import type { ImageHistoryResponseItem, ImageInspect, ImageSummary as WireSummary, OCIDescriptor, OCIPlatform } from '@gantry/api-types';
import type { ImageDeleteResponseItem } from '@gantry/api-types';
import type { ImageDetails, ImageHistory, ImageSummary, RemovedImage } from '@gantry/engine';
import type { ImageConfigDefaults, Platform } from '@gantry/oci';
import { toDescriptor } from './container.ts';
import { unixSeconds } from './time.ts';

const descriptor = (image: ImageSummary): OCIDescriptor => toDescriptor(image.target);

/** One row of the list. */
export function toImageSummary(image: ImageSummary): WireSummary {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Created: unixSeconds(image.createdAt),
    Size: image.size,
    SharedSize: image.sharedSize,
    Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    Containers: image.containers,
    Descriptor: descriptor(image),
  };
}

const emptySets = (names: Readonly<Record<string, object>>): Readonly<Record<string, Readonly<Record<string, never>>>> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, {}]));

/** Only what is set. */
function toConfig(config: ImageConfigDefaults): ImageInspect['Config'] {
  const { ExposedPorts, Volumes, ...rest } = config;
  const filled = Object.fromEntries(
    Object.entries(rest).filter(([, value]: [string, unknown]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)),
  );
  return {
    ...filled,
    ...(ExposedPorts === undefined || Object.keys(ExposedPorts).length === 0 ? {} : { ExposedPorts: emptySets(ExposedPorts) }),
    ...(Volumes === undefined || Volumes === null || Object.keys(Volumes).length === 0 ? {} : { Volumes: emptySets(Volumes) }),
  };
}

/** One image in full. */
export function toImageInspect(image: ImageDetails): ImageInspect {
  const { platform } = image;
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Descriptor: descriptor(image),
    ...(image.comment === '' ? {} : { Comment: image.comment }),
    ...(image.createdAt === null ? {} : { Created: image.createdAt }),
    ...(image.author === '' ? {} : { Author: image.author }),
    Config: toConfig(image.config),
    Architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { Variant: platform.variant }),
    Os: platform.os,
    ...(platform['os.version'] === undefined ? {} : { OsVersion: platform['os.version'] }),
    Size: image.size,
    GraphDriver: { Name: image.storageDriver, Data: {} },
    RootFS: { Type: 'layers', Layers: image.layers },
    Metadata: image.lastTaggedAt === null ? {} : { LastTagTime: image.lastTaggedAt },
  };
}

/** Docker's word for a step that no image stands for. */
const missing = '<missing>';

export function toHistoryItem(step: ImageHistory): ImageHistoryResponseItem {
  return {
    Id: step.id ?? missing,
    Created: unixSeconds(step.createdAt),
    CreatedBy: step.createdBy,
    Tags: step.tags.length === 0 ? null : step.tags,
    Size: step.size,
    Comment: step.comment,
  };
}

export function toDeleteItem(step: RemovedImage): ImageDeleteResponseItem {
  return 'untagged' in step ? { Untagged: step.untagged } : { Deleted: step.deleted };
}

export function toPlatform(p: OCIPlatform): Platform {
  return {
    os: p.os,
    architecture: p.architecture,
    ...(p.variant === undefined || p.variant === '' ? {} : { variant: p.variant }),
    ...(p['os.version'] === undefined ? {} : { 'os.version': p['os.version'] }),
    ...(p['os.features'] === undefined ? {} : { 'os.features': p['os.features'] }),
  };
}
