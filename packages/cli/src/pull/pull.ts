import type { EngineClient } from '@gantry/client';
import { safeText } from '../kit/safe-text.ts';
import type { Io } from '../kit/spec.ts';
import { PullScreen } from './screen.ts';

export interface PullView {
  readonly io: Io;
  readonly quiet: boolean;
  /** Where progress goes: `err` where standard output is the result of something else. */
  readonly to: 'out' | 'err';
  readonly platform?: string;
}

/** Pulls an image: one moving line a layer on a terminal, plain lines of what is final elsewhere. */
export async function pullImage(client: EngineClient, name: string, view: PullView): Promise<void> {
  const { io, quiet, to } = view;
  const write = to === 'out' ? io.out : io.err;
  const terminal = to === 'out' ? io.stdoutIsTerminal : io.stderrIsTerminal;
  const screen = terminal && !quiet ? new PullScreen(write) : undefined;
  try {
    for await (const line of client.images.pull(name, view.platform === undefined ? {} : { platform: view.platform })) {
      if (quiet || line.status === undefined) continue;
      if (screen !== undefined) await screen.show(line);
      else if (line.progressDetail?.total === undefined) await write(`${line.id === undefined ? '' : `${safeText(line.id)}: `}${safeText(line.status)}\n`);
    }
  } finally {
    await screen?.close();
  }
}
