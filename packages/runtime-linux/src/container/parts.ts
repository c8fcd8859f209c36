import type { DriverContext } from '@gantry/driver-api';
import type { Native } from '@gantry/linux';
import type { CgroupTree } from '../cgroup/tree.ts';
import type { SeccompArch } from '../seccomp/index.ts';
import type { Slots } from '../sandbox/slots.ts';
import type { Journal } from '../state/journal.ts';
import type { ProgramStore } from '../state/program-store.ts';
import type { RecordFolder } from '../state/record-folder.ts';
import type { ContainerRecord } from '../state/records.ts';

/** What the operations on containers work with. */
export interface Parts {
  readonly context: DriverContext;
  readonly native: Native;
  readonly tree: CgroupTree;
  readonly slots: Slots;
  readonly journal: Journal;
  readonly records: RecordFolder<ContainerRecord>;
  readonly programs: ProgramStore;
  readonly arch: SeccompArch;
  /** `CapBnd` of this process: what it can give. */
  readonly availableCapabilities: bigint;
}
