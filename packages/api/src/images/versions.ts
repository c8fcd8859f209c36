import type { ApiVersion, ContainerConfig, ImageConfig, ImageInspect, ImageSummary } from '@gantry/api-types';
import { before } from '../version.ts';

/** One row of the list. */
export function shapeSummary(image: ImageSummary, version: ApiVersion): ImageSummary {
  const { Descriptor, Manifests, ...rest } = image;
  const untagged = image.RepoTags.length === 0 && image.RepoDigests.length === 0;
  return {
    ...rest,
    ...(before(version, '1.43') && untagged ? { RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] } : {}),
    ...(before(version, '1.44') ? { VirtualSize: image.Size } : {}),
    ...(before(version, '1.47') || Manifests === undefined ? {} : { Manifests }),
    ...(before(version, '1.48') || Descriptor === undefined ? {} : { Descriptor }),
    ...(before(version, '1.51') ? { Containers: -1 } : {}),
  };
}

const emptyConfig: ContainerConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

/** Below 1.50 it had the fields of a container too, below 1.52 its own also where they are empty. */
function shapeConfig(config: ImageConfig | ContainerConfig, version: ApiVersion): ImageConfig | ContainerConfig {
  if (before(version, '1.50')) return { ...emptyConfig, ...config };
  if (!before(version, '1.52')) return config;
  const { User, Env, Cmd, Volumes, WorkingDir, Entrypoint, OnBuild, Labels } = emptyConfig;
  return { User, Env, Cmd, Volumes, WorkingDir, Entrypoint, OnBuild: OnBuild ?? null, Labels, ...config };
}

/** What was always there until 1.52, also when empty. */
function alwaysUntil152(image: ImageInspect, version: ApiVersion): Partial<ImageInspect> {
  if (!before(version, '1.52')) return {};
  return {
    Parent: image.Parent ?? '',
    Comment: image.Comment ?? '',
    DockerVersion: image.DockerVersion ?? '',
    Author: image.Author ?? '',
    GraphDriver: image.GraphDriver ?? { Name: '', Data: {} },
  };
}

/** One image in full. */
export function shapeInspect(image: ImageInspect, version: ApiVersion): ImageInspect {
  const { Descriptor, Manifests, Identity, GraphDriver, ...rest } = image;
  const noDate = before(version, '1.44') && (image.Created ?? '') === '';
  return {
    ...rest,
    ...alwaysUntil152(image, version),
    Config: shapeConfig(image.Config, version),
    ...(noDate ? { Created: '0001-01-01T00:00:00Z' } : {}),
    ...(before(version, '1.44') ? { VirtualSize: image.Size } : {}),
    ...(before(version, '1.45') ? { Container: '', ContainerConfig: emptyConfig } : {}),
    ...(before(version, '1.48') || Descriptor === undefined ? {} : { Descriptor }),
    ...(before(version, '1.48') || Manifests === undefined ? {} : { Manifests }),
    ...(before(version, '1.53') || Identity === undefined ? {} : { Identity }),
    ...(before(version, '1.52') || GraphDriver === undefined ? {} : { GraphDriver }),
  };
}
