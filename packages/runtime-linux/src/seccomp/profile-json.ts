import { constants } from 'node:os';
import { GantryError } from '@gantry/errors';
import type { OciSeccomp, OciSeccompAction, OciSeccompArg } from '@gantry/oci';
import { isAction } from './actions.ts';
import { abiFacts, archFacts, type SeccompArch } from './architecture.ts';
import { isOperator } from './condition.ts';
import { fields, invalidField, list, oneOf, optional, optionalFields, optionalText, parseBounded, small, text, unsigned64, type Fields } from './json-fields.ts';
import { atLeast, parseKernelVersion, type KernelVersion } from './kernel-version.ts';

/** What the conditions in a profile file are about. */
export interface SeccompProfileContext {
  /** The bounding set of the container, by OCI names such as `CAP_SYS_ADMIN`. */
  readonly caps: readonly string[];
  readonly arch: SeccompArch;
  /** The release of the running kernel, as `uname -r` prints it. */
  readonly kernelVersion: string;
}

type Rule = NonNullable<OciSeccomp['syscalls']>[number];

/** Docker's default is 12,000 characters long. */
const maxLength = 1 << 20;

/** Profile, list of calls, call, list of arguments, argument. */
const maxDepth = 8;

const profileFields = ['defaultAction', 'defaultErrnoRet', 'defaultErrno', 'flags', 'listenerPath', 'listenerMetadata', 'architectures', 'archMap', 'syscalls', 'comment', '$schema'];
const ruleFields = ['name', 'names', 'action', 'errnoRet', 'errno', 'args', 'comment', 'includes', 'excludes'];
const filterFields = ['caps', 'arches', 'minKernel'];

function action(value: unknown, path: string): OciSeccompAction {
  if (value === 'SCMP_ACT_NOTIFY') {
    throw new GantryError('notImplemented', 'seccomp-notify', `The seccomp profile's ${path} is SCMP_ACT_NOTIFY; handing calls to a listener is not supported. Use SCMP_ACT_ERRNO or SCMP_ACT_TRACE.`, { details: { field: path } });
  }
  return oneOf(value, path, isAction, 'SCMP_ACT_ERRNO');
}

/** A number, or as Podman's files have it besides, a name. */
function errnoOf(number: unknown, name: unknown, path: string): number | undefined {
  const given = optional(number, (value) => small(value, `${path}Ret`, 0xffff));
  const symbol = optionalText(name, path);
  if (given !== undefined || symbol === undefined) return given;
  const found = Object.entries(constants.errno).find(([known]) => known === symbol)?.[1];
  if (found === undefined) throw invalidField(path, `is ${JSON.stringify(symbol.slice(0, 64))}, which is no name of an errno`);
  return found;
}

function argument(value: unknown, path: string): OciSeccompArg {
  const arg = fields(value, path, ['index', 'value', 'valueTwo', 'op']);
  const valueTwo = optional(arg['valueTwo'], (number) => unsigned64(number, `${path}.valueTwo`));
  return {
    index: small(arg['index'], `${path}.index`, 5),
    value: unsigned64(arg['value'] ?? 0, `${path}.value`),
    ...(valueTwo !== undefined && { valueTwo }),
    op: oneOf(arg['op'], `${path}.op`, isOperator, 'SCMP_CMP_EQ'),
  };
}

interface Host {
  readonly caps: ReadonlySet<string>;
  readonly arch: string;
  readonly kernel: KernelVersion;
}

interface Filter {
  readonly caps: readonly string[];
  readonly arches: readonly string[];
  readonly minKernel: KernelVersion | undefined;
}

function filter(value: unknown, path: string): Filter {
  const read = optionalFields(value, path, filterFields);
  const release = optionalText(read['minKernel'], `${path}.minKernel`);
  if (release !== undefined && !/^\d{1,6}\.\d{1,6}$/.test(release)) throw invalidField(`${path}.minKernel`, 'must be a version such as 4.8');
  return {
    caps: list(read['caps'], `${path}.caps`, text),
    arches: list(read['arches'], `${path}.arches`, text),
    minKernel: release === undefined ? undefined : parseKernelVersion(release),
  };
}

/** Included when everything listed is there; excluded by any single thing listed. Of architectures one is enough. */
function applies(includes: Filter, excludes: Filter, host: Host): boolean {
  if (excludes.arches.includes(host.arch) || excludes.caps.some((cap) => host.caps.has(cap))) return false;
  if (excludes.minKernel !== undefined && atLeast(host.kernel, excludes.minKernel)) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(host.arch)) return false;
  if (includes.minKernel !== undefined && !atLeast(host.kernel, includes.minKernel)) return false;
  return includes.caps.every((cap) => host.caps.has(cap));
}

function ruleNames(rule: Fields, path: string): readonly string[] {
  const names = list(rule['names'], `${path}.names`, text);
  const name = optionalText(rule['name'], `${path}.name`);
  if (name !== undefined && names.length > 0) throw invalidField(`${path}.name`, 'and names are both given; use names');
  if (name === undefined && !Array.isArray(rule['names'])) throw invalidField(`${path}.names`, 'must list the system calls that the rule is about');
  return name === undefined ? names : [name];
}

function rule(value: unknown, path: string, host: Host): Rule[] {
  const read = fields(value, path, ruleFields);
  optionalText(read['comment'], `${path}.comment`);
  const names = ruleNames(read, path);
  const errnoRet = errnoOf(read['errnoRet'], read['errno'], `${path}.errno`);
  const args = list(read['args'], `${path}.args`, argument);
  const made: Rule = { names, action: action(read['action'], `${path}.action`), ...(errnoRet !== undefined && { errnoRet }), ...(args.length > 0 && { args }) };
  return applies(filter(read['includes'], `${path}.includes`), filter(read['excludes'], `${path}.excludes`), host) ? [made] : [];
}

/** `archMap` says for each native architecture which others go with it; `architectures` lists them outright. */
function architectures(profile: Fields, arch: SeccompArch): readonly string[] {
  const listed = list(profile['architectures'], 'architectures', text);
  const map = list(profile['archMap'], 'archMap', (value, path) => {
    const entry = fields(value, path, ['architecture', 'subArchitectures']);
    return { native: text(entry['architecture'], `${path}.architecture`), others: list(entry['subArchitectures'], `${path}.subArchitectures`, text) };
  });
  if (listed.length > 0 && map.length > 0) throw invalidField('architectures', 'and archMap are both given; use one of them');
  const native = abiFacts(archFacts(arch).abis[0]).oci;
  const found = map.find((entry) => entry.native === native);
  return found === undefined ? listed : [native, ...found.others];
}

/**
 * Reads a profile in Docker's JSON format (what a client sends for `--security-opt seccomp=FILE`): the OCI format and
 * `archMap`, `includes`, `excludes`, and `name` of older files. Rules whose conditions this container does not meet
 * are left out. Podman's `errno` names are understood.
 *
 * Stricter than Docker: a field that is not known, a value of the wrong type or a profile without `defaultAction` is an
 * error that names the field, since otherwise a misspelt restriction would just not be there.
 *
 * @throws GantryError `invalid`: `seccomp-profile-invalid` (details: `field`), `seccomp-profile-too-large`,
 *   `kernel-version-invalid`; `notImplemented`: `seccomp-notify`
 */
export function parseSeccompProfile(json: string, { caps, arch, kernelVersion }: SeccompProfileContext): OciSeccomp {
  const host: Host = { caps: new Set(caps), arch: archFacts(arch).docker, kernel: parseKernelVersion(kernelVersion) };
  const profile = fields(parseBounded(json, maxLength, maxDepth), 'top level', profileFields);
  if (profile['defaultAction'] === undefined) throw invalidField('defaultAction', 'is missing. To run without a filter, use seccomp=unconfined');
  for (const path of ['listenerPath', 'listenerMetadata']) {
    if (optionalText(profile[path], path) !== undefined) throw new GantryError('notImplemented', 'seccomp-notify', `The seccomp profile has a ${path}; handing calls to a listener is not supported`, { details: { field: path } });
  }
  const listed = architectures(profile, arch);
  const flags = optional(profile['flags'], (value) => list(value, 'flags', text));
  const defaultErrnoRet = errnoOf(profile['defaultErrnoRet'], profile['defaultErrno'], 'defaultErrno');
  return {
    defaultAction: action(profile['defaultAction'], 'defaultAction'),
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    ...(listed.length > 0 && { architectures: listed }),
    ...(flags !== undefined && { flags }),
    syscalls: list(profile['syscalls'], 'syscalls', (value, path) => rule(value, path, host)).flat(),
  };
}
