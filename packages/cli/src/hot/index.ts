import type { CommandSpec } from '../kit/spec.ts';

/** The commands that never need oclif, each loaded when it is called. Keys are their names; the commands know their aliases. */
export const hot: Readonly<Record<string, () => Promise<CommandSpec>>> = {
  daemon: async () => (await import('./daemon.ts')).daemon,
  images: async () => (await import('./images.ts')).images,
  info: async () => (await import('./info.ts')).info,
  inspect: async () => (await import('./inspect.ts')).inspect,
  kill: async () => (await import('./kill.ts')).kill,
  logs: async () => (await import('./logs.ts')).logs,
  plugins: async () => (await import('./plugins.ts')).plugins,
  ps: async () => (await import('./ps.ts')).ps,
  pull: async () => (await import('./pull.ts')).pull,
  rm: async () => (await import('./rm.ts')).rm,
  rmi: async () => (await import('./rmi.ts')).rmi,
  run: async () => (await import('./run.ts')).run,
  start: async () => (await import('./start.ts')).start,
  stop: async () => (await import('./stop.ts')).stop,
  version: async () => (await import('./version.ts')).version,
};

/** Docker's grouped names. A test holds them against the commands' own lists. */
export const aliases: Readonly<Record<string, string>> = {
  'container inspect': 'inspect',
  'container kill': 'kill',
  'container list': 'ps',
  'container logs': 'logs',
  'container ls': 'ps',
  'container ps': 'ps',
  'container remove': 'rm',
  'container rm': 'rm',
  'container run': 'run',
  'container start': 'start',
  'container stop': 'stop',
  'image inspect': 'inspect',
  'image list': 'images',
  'image ls': 'images',
  'image pull': 'pull',
  'image remove': 'rmi',
  'image rm': 'rmi',
  'system info': 'info',
};
