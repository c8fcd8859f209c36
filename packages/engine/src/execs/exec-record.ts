import type { CreateExec } from '../types/index.ts';

/** One exec, for as long as its container's run lasts. */
export interface ExecRecord {
  readonly id: string;
  readonly containerId: string;
  readonly request: CreateExec;
  phase: 'created' | 'starting' | 'running' | 'ended';
  pid: number;
  exitCode: number | null;
}
