import type { OciProcess, ResolvedUser } from '@gantry/oci';
import { capabilitiesOf } from '../config/capabilities.ts';
import { parseSecurityOptions } from '../config/security-options.ts';
import type { ContainerConfig } from '../types/index.ts';
import { environment } from './env.ts';

export interface ProcessInput {
  readonly config: ContainerConfig;
  readonly user: ResolvedUser;
  /** That the container sees. */
  readonly hostname: string;
}

/** The program and its arguments. */
export function commandOf({ entrypoint, cmd }: ContainerConfig): { readonly path: string; readonly args: readonly string[] } {
  const [path = '', ...args] = [...(entrypoint ?? []), ...(cmd ?? [])];
  return { path, args };
}

export function containerProcess({ config, user, hostname }: ProcessInput): OciProcess {
  const { path, args } = commandOf(config);
  return {
    terminal: config.terminal,
    ...(config.terminal && config.consoleSize !== undefined ? { consoleSize: { height: config.consoleSize.rows, width: config.consoleSize.cols } } : {}),
    args: [path, ...args],
    env: environment({ env: config.env, hostname, terminal: config.terminal, home: user.home }),
    cwd: config.workingDir === '' ? '/' : config.workingDir,
    ...rights(config, user, config.security.privileged),
  };
}

export interface ExecInput extends ProcessInput {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly terminal: boolean;
  readonly privileged: boolean;
}

/** A further process of a container: with the rights of its first one, unless it was asked to be privileged. */
export function execProcess({ config, user, hostname, args, env, cwd, terminal, privileged }: ExecInput): OciProcess {
  return {
    terminal,
    args,
    env: environment({ env: [...config.env, ...env], hostname, terminal, home: user.home }),
    cwd,
    ...rights(config, user, privileged || config.security.privileged),
  };
}

function rights(config: ContainerConfig, user: ResolvedUser, privileged: boolean): Omit<OciProcess, 'args' | 'cwd'> {
  const { resources, security } = config;
  const capabilities = capabilitiesOf({ ...security, privileged });
  // A user that is not root starts without any: what it may gain by set-user-ID programs is the bounding set's.
  const held = user.uid === 0 ? capabilities : [];
  const options = parseSecurityOptions(security.options, privileged);
  return {
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    capabilities: { bounding: capabilities, effective: held, permitted: held, inheritable: [], ambient: [] },
    rlimits: resources.ulimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })),
    noNewPrivileges: options.noNewPrivileges,
    ...(options.apparmor === '' || options.apparmor === 'unconfined' ? {} : { apparmorProfile: options.apparmor }),
    oomScoreAdj: resources.oomScoreAdj,
  };
}
