import type { OciDevice } from '@gantry/oci';

/** A device of the containers' machine, as a container gets it. */
export interface ResolvedDevice {
  readonly node: OciDevice;
  /** Of `r`, `w`, `m`. */
  readonly access: string;
}
