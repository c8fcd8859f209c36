import { GantryError } from '@gantry/errors';
import { badField, cString } from './field.ts';

/** mount(2), include/uapi/linux/mount.h. */
export const MS = {
  RDONLY: 1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  SYNCHRONOUS: 0x10,
  MANDLOCK: 0x40,
  DIRSYNC: 0x80,
  NOSYMFOLLOW: 0x100,
  NOATIME: 0x400,
  NODIRATIME: 0x800,
  SILENT: 0x8000,
  RELATIME: 0x200000,
  STRICTATIME: 0x1000000,
  LAZYTIME: 0x2000000,
} as const;

/** mount_setattr(2). The three access time modes are values of one field, `ATIME_MASK`, not bits. */
export const ATTR = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  ATIME_MASK: 0x70,
  RELATIME: 0x0,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x20_0000,
} as const;

export type Propagation = 'private' | 'rprivate' | 'slave' | 'rslave' | 'shared' | 'rshared' | 'unbindable' | 'runbindable';

/** The options of one mount of an OCI spec, taken apart. `set` and `clear` are mount_setattr(2)'s, `flags` mount(2)'s: each option that both know is in both. */
export interface MountOptions {
  readonly flags: number;
  readonly set: number;
  readonly clear: number;
  /** The attributes are for the whole tree under the mount (`rro`), not for the mount alone (`ro`). */
  readonly recursiveAttributes: boolean;
  readonly bind?: 'bind' | 'rbind';
  readonly propagation?: Propagation;
  /** What the filesystem itself understands, in order. */
  readonly data: readonly string[];
}

interface Effect {
  readonly flag?: number;
  readonly unflag?: number;
  readonly set?: number;
  readonly clear?: number;
}

const pair = (flag: number, attr: number): readonly [on: Effect, off: Effect] => [
  { flag, set: attr },
  { unflag: flag, clear: attr },
];
const flagPair = (flag: number): readonly [on: Effect, off: Effect] => [{ flag }, { unflag: flag }];
const atime = (flag: number, attr: number): Effect => ({ unflag: MS.NOATIME | MS.RELATIME | MS.STRICTATIME, flag, clear: ATTR.ATIME_MASK, set: attr });

const [ro, rw] = pair(MS.RDONLY, ATTR.RDONLY);
const [nosuid, suid] = pair(MS.NOSUID, ATTR.NOSUID);
const [nodev, dev] = pair(MS.NODEV, ATTR.NODEV);
const [noexec, exec] = pair(MS.NOEXEC, ATTR.NOEXEC);
const [nodiratime, diratime] = pair(MS.NODIRATIME, ATTR.NODIRATIME);
const [nosymfollow, symfollow] = pair(MS.NOSYMFOLLOW, ATTR.NOSYMFOLLOW);
const [noatime, relatime, strictatime] = [atime(MS.NOATIME, ATTR.NOATIME), atime(MS.RELATIME, ATTR.RELATIME), atime(MS.STRICTATIME, ATTR.STRICTATIME)];

/** Attributes of the mount; each also exists with a leading `r`, for the whole tree under it. */
const attributes: ReadonlyMap<string, Effect> = new Map([
  ['ro', ro],
  ['rw', rw],
  ['nosuid', nosuid],
  ['suid', suid],
  ['nodev', nodev],
  ['dev', dev],
  ['noexec', noexec],
  ['exec', exec],
  ['nodiratime', nodiratime],
  ['diratime', diratime],
  ['nosymfollow', nosymfollow],
  ['symfollow', symfollow],
  ['noatime', noatime],
  ['atime', relatime],
  ['relatime', relatime],
  ['norelatime', strictatime],
  ['strictatime', strictatime],
  ['nostrictatime', relatime],
]);

const [sync, async_] = flagPair(MS.SYNCHRONOUS);
const [mand, nomand] = flagPair(MS.MANDLOCK);
const [dirsync] = flagPair(MS.DIRSYNC);
const [silent, loud] = flagPair(MS.SILENT);
const [lazytime, nolazytime] = flagPair(MS.LAZYTIME);

/** Flags of the filesystem, which a bind mount can't have of its own. */
const superblock: ReadonlyMap<string, Effect> = new Map([
  ['sync', sync],
  ['async', async_],
  ['mand', mand],
  ['nomand', nomand],
  ['dirsync', dirsync],
  ['silent', silent],
  ['loud', loud],
  ['lazytime', lazytime],
  ['nolazytime', nolazytime],
]);

const propagations: ReadonlyMap<string, Propagation> = new Map(
  (['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared', 'unbindable', 'runbindable'] as const).map((name) => [name, name]),
);

/** All options that have a meaning here, in order of name. */
export const mountOptionNames: readonly string[] = [
  'bind',
  'rbind',
  'defaults',
  ...attributes.keys(),
  ...[...attributes.keys()].map((name) => `r${name}`),
  ...superblock.keys(),
  ...propagations.keys(),
].sort();

/**
 * Takes the options of a mount apart, as the OCI runtime specification lists them ("Linux mount options"); a later one
 * overrules an earlier one. What is no known option is left to the filesystem as `data`.
 *
 * @throws `GantryError` invalid: an empty option, a NUL or a comma in one, `remount` or `move`, plain and recursive
 *   attributes together, which one mount_setattr(2) can't do; notImplemented: `idmap`, `ridmap`, `tmpcopyup`
 */
export function mountOptions(options: readonly string[], field: string): MountOptions {
  const parser = new OptionParser(field);
  for (const [index, option] of options.entries()) parser.take(option, `${field}[${index}]`);
  return parser.result();
}

class OptionParser {
  readonly #field: string;
  readonly #data: string[] = [];
  #flags = 0;
  #set = 0;
  #clear = 0;
  #bind: 'bind' | 'rbind' | undefined;
  #propagation: Propagation | undefined;
  /** The last attribute of each form, to name them. */
  #plain: string | undefined;
  #recursive: string | undefined;

  constructor(field: string) {
    this.#field = field;
  }

  take(option: string, field: string): void {
    cString(option, field);
    if (option === '' || option.includes(',')) throw badField(field, 'must be one option, without commas', option);
    if (option === 'remount' || option === 'move') throw badField(field, 'can not be asked of a mount that does not exist yet', option);
    if (option === 'idmap' || option === 'ridmap' || option === 'tmpcopyup') {
      throw new GantryError('notImplemented', 'mount-option-unsupported', `${field}: this runtime has no "${option}" mounts: leave the option out`, { details: { field } });
    }
    if (option === 'bind' || option === 'rbind') this.#bind = this.#bind === 'rbind' ? 'rbind' : option;
    else if (propagations.has(option)) this.#propagation = propagations.get(option);
    else if (option !== 'defaults') this.#effect(option);
  }

  result(): MountOptions {
    if (this.#plain !== undefined && this.#recursive !== undefined) {
      throw badField(this.#field, `has "${this.#plain}" for the mount and "${this.#recursive}" for all below it: use one of the two forms for all`);
    }
    return {
      flags: this.#flags,
      set: this.#set,
      clear: this.#clear,
      recursiveAttributes: this.#recursive !== undefined,
      ...(this.#bind === undefined ? {} : { bind: this.#bind }),
      ...(this.#propagation === undefined ? {} : { propagation: this.#propagation }),
      data: this.#data,
    };
  }

  #effect(option: string): void {
    const attribute = attributes.get(option);
    const deep = attribute === undefined && option.startsWith('r') ? attributes.get(option.slice(1)) : undefined;
    if (attribute !== undefined) this.#plain = option;
    if (deep !== undefined) this.#recursive = option;
    const effect = attribute ?? deep ?? superblock.get(option);
    if (effect === undefined) this.#data.push(option);
    else this.#apply(effect);
  }

  #apply({ flag = 0, unflag = 0, set = 0, clear = 0 }: Effect): void {
    this.#flags = (this.#flags & ~unflag) | flag;
    this.#set = (this.#set & ~(set | clear)) | set;
    this.#clear = (this.#clear & ~(set | clear)) | clear;
  }
}
