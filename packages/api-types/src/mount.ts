import type { StringMap } from './common.ts';

export type MountType = 'bind' | 'cluster' | 'image' | 'npipe' | 'tmpfs' | 'volume';

export type Propagation = '' | 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

/** A mount as a client asks for it (`HostConfig.Mounts`). */
export interface Mount {
  readonly Type?: MountType;
  readonly Source?: string;
  readonly Target?: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: BindOptions;
  readonly VolumeOptions?: VolumeOptions;
  readonly ImageOptions?: { readonly Subpath?: string };
  readonly TmpfsOptions?: TmpfsOptions;
}

export interface BindOptions {
  readonly Propagation?: Propagation;
  readonly NonRecursive?: boolean;
  readonly CreateMountpoint?: boolean;
  readonly ReadOnlyNonRecursive?: boolean;
  readonly ReadOnlyForceRecursive?: boolean;
}

export interface VolumeOptions {
  readonly NoCopy?: boolean;
  readonly Labels?: StringMap | null;
  readonly DriverConfig?: { readonly Name?: string; readonly Options?: StringMap | null };
  readonly Subpath?: string;
}

/** `SizeBytes` 0 is unlimited; `Mode` as a number, not octal text. */
export interface TmpfsOptions {
  readonly SizeBytes?: number;
  readonly Mode?: number;
  readonly Options?: readonly (readonly string[])[] | null;
}

/** A mount as a container has it. */
export interface MountPoint {
  readonly Type?: MountType;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}
