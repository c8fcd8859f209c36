import type { ContainerConfig, ContainerImage, ContainerState } from '../types/index.ts';
import type { LogSink } from '@gantry/driver-api';
import type { Platform } from '@gantry/oci';
import { deferred, type Deferred } from '../util/deferred.ts';
import type { Actor } from './actor.ts';
import type { ExecRecord } from '../execs/exec-record.ts';
import type { PendingAttachment } from './attachments.ts';

/** What a container was made from, kept with it, since the image may go. */
export interface ContainerOrigin extends ContainerImage {
  readonly platform: Platform;
  /** Chain ID of its layers; null: it has none. */
  readonly layerChain: string | null;
}

/** What the database has of a container. */
export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly config: ContainerConfig;
  readonly origin: ContainerOrigin;
  readonly restartCount: number;
  readonly state: ContainerState;
  /** Of the run that the runtime knows. */
  readonly token: string | null;
}

export interface Ended {
  readonly exitCode: number;
}

/** One container in memory: the database's row, and whoever waits for it. `row` is replaced as a whole: readers never see half a change. */
export class Container {
  readonly id: string;
  readonly actor: Actor;
  row: ContainerRow;
  /** Settles with the end of the run that goes on, or (if none does) of the next one. */
  exit: Deferred<Ended> = deferred<Ended>();
  /** Settles once it is gone; rejects if removing failed. */
  removed: Deferred<Ended> = deferred<Ended>();
  /** Clients that wait for its start. */
  readonly attachments: Set<PendingAttachment> = new Set<PendingAttachment>();
  readonly execs: Map<string, ExecRecord> = new Map<string, ExecRecord>();
  /** Where its output is logged; undefined: not asked for in this session yet. */
  sink: Promise<LogSink | undefined> | undefined;
  /** It ends by our own doing. */
  stopping = false;

  constructor(row: ContainerRow, actor: Actor) {
    this.id = row.id;
    this.row = row;
    this.actor = actor;
  }

  get isRunning(): boolean {
    const { status } = this.row.state;
    return status === 'running' || status === 'paused';
  }

  /** The run is over: tells those who waited for it, and begins to wait for the next one. */
  ended(exitCode: number): void {
    const { exit } = this;
    this.exit = deferred<Ended>();
    exit.resolve({ exitCode });
  }
}
