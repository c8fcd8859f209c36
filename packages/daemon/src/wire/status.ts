import type { ContainerState } from '@gantry/engine';
import { humanSpan } from './time.ts';

const since = (time: string | null, now: number): string => humanSpan(Math.max(0, (now - Date.parse(time ?? '')) / 1000));

/** The column STATUS of `docker ps`. `now` in ms of Unix time. */
export function statusSentence(state: ContainerState, now: number): string {
  switch (state.status) {
    case 'running':
      return `Up ${since(state.startedAt, now)}`;
    case 'paused':
      return `Up ${since(state.startedAt, now)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
    case 'created':
      return 'Created';
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'exited':
      return state.finishedAt === null ? 'Created' : `Exited (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
  }
}
