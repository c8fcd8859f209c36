import { badConfig } from './invalid.ts';

/** What Docker puts before the options that were asked for. */
const defaults = ['noexec', 'nosuid', 'nodev'] as const;
const opposites: Readonly<Record<string, string>> = { exec: 'noexec', suid: 'nosuid', dev: 'nodev', rw: 'ro', noexec: 'exec', nosuid: 'suid', nodev: 'dev', ro: 'rw' };
const flags = new Set([...Object.keys(opposites), 'sync', 'async', 'dirsync', 'atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime', 'mand', 'nomand']);
const values: Readonly<Record<string, RegExp>> = {
  size: /^\d+[kmgKMG%]?$/, nr_blocks: /^\d+[kmgKMG]?$/, nr_inodes: /^\d+[kmgKMG]?$/, mode: /^[0-7]{1,4}$/, uid: /^\d{1,10}$/, gid: /^\d{1,10}$/, mpol: /^[a-z0-9=:,-]+$/,
};
const propagations = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared', 'unbindable', 'runbindable']);

/**
 * The mount options of a tmpfs, from `--tmpfs /path:options`: the safe defaults, each replaced by its opposite where
 * that was asked for.
 * @throws GantryError invalid `bad-container-config`.
 */
export function tmpfsOptions(path: string, text: string): readonly string[] {
  const asked = text.split(',').filter((option) => option !== '');
  for (const option of asked) check(path, option);
  const kept = defaults.filter((option) => !asked.includes(opposites[option] ?? ''));
  return [...new Set([...kept, ...asked.filter((option) => !propagations.has(option))])];
}

function check(path: string, option: string): void {
  const equals = option.indexOf('=');
  const known = equals < 0 ? flags.has(option) || propagations.has(option) : values[option.slice(0, equals)]?.test(option.slice(equals + 1)) === true;
  if (!known) throw badConfig('filesystem.tmpfs', `invalid tmpfs option ${JSON.stringify(option)} for ${path}`);
}
