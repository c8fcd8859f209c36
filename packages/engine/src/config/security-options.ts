import { badConfig } from './invalid.ts';
import { parseSeccomp, type SeccompProfile } from './seccomp-profile.ts';

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `default`: the runtime's; the other ones override it. */
  readonly seccomp: { readonly kind: 'default' | 'unconfined' } | { readonly kind: 'custom'; readonly profile: SeccompProfile };
  /** Empty: the runtime's default. */
  readonly apparmor: string;
}

const field = 'security.options';

/**
 * Reads Docker's `--security-opt` strings. Labels other than `label=disable` are refused, since no SELinux is set up.
 * @throws GantryError invalid `bad-container-config`.
 */
export function parseSecurityOptions(options: readonly string[], privileged: boolean): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp: SecurityOptions['seccomp'] = { kind: privileged ? 'unconfined' : 'default' };
  let apparmor = privileged ? 'unconfined' : '';
  for (const option of options) {
    const [, key = option, value] = /^([^=:]+)[=:]([^]*)$/.exec(option) ?? [];
    if (key === 'no-new-privileges') noNewPrivileges = readBoolean(option, value);
    else if (value === undefined || value === '') throw badConfig(field, `invalid --security-opt: ${JSON.stringify(option)}`);
    else if (key === 'seccomp') seccomp = readSeccomp(value);
    else if (key === 'apparmor') apparmor = value;
    else if (key === 'label') {
      if (value !== 'disable') throw badConfig(field, `SELinux labels are not supported: ${JSON.stringify(option)}`);
    } else throw badConfig(field, `invalid --security-opt: ${JSON.stringify(option)}`);
  }
  return { noNewPrivileges, seccomp, apparmor };
}

function readBoolean(option: string, value: string | undefined): boolean {
  if (value === undefined) return true;
  if (['true', '1', 't', 'TRUE', 'True', 'T'].includes(value)) return true;
  if (['false', '0', 'f', 'FALSE', 'False', 'F'].includes(value)) return false;
  throw badConfig(field, `invalid --security-opt: ${JSON.stringify(option)}`);
}

function readSeccomp(value: string): SecurityOptions['seccomp'] {
  if (value === 'unconfined') return { kind: 'unconfined' };
  if (value === 'builtin' || value === 'default') return { kind: 'default' };
  return { kind: 'custom', profile: parseSeccomp(value) };
}
