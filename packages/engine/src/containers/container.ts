import type { ContainerConfig, ContainerImage, ContainerState } from '../types/index.ts';
import type { LogSink } from '@gantry/driver-api';
import type { Platform } from '@gantry/oci';
import { Moment } from '../util/moment.ts';
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

/** How a run or a removal ended. */
export interface Ended {
  readonly exitCode: number;
  /** Why the removal failed. */
  readonly error?: string;
}

/** One container in memory: the database's row, and whoever waits for it. `row` is replaced as a whole: readers never see half a change. */
export class Container {
  readonly id: string;
  readonly actor: Actor;
  row: ContainerRow;
  /** A run ends. */
  readonly exit: Moment<Ended> = new Moment<Ended>();
  /** It is gone, or could not be removed. */
  readonly removed: Moment<Ended> = new Moment<Ended>();
  /** Clients that wait for its start. */
  readonly attachments: Set<PendingAttachment> = new Set<PendingAttachment>();
  readonly execs: Map<string, ExecRecord> = new Map<string, ExecRecord>();
  /** Where its output is logged; undefined: not asked for in this session yet. */
  sink: Promise<LogSink | undefined> | undefined;

  constructor(row: ContainerRow, actor: Actor) {
    this.id = row.id;
    this.row = row;
    this.actor = actor;
  }

  get isRunning(): boolean {
    const { status } = this.row.state;
    return status === 'running' || status === 'paused';
  }

  /** The engine ends: nobody waits for this container in it any more. */
  close(): void {
    this.exit.close();
    this.removed.close();
    for (const client of this.attachments) client.giveUp();
  }
}
