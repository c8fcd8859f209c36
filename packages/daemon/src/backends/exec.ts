import type { ExecBackend } from '@gantry/api';
import type { ExecCreateRequest, ExecInspectResponse } from '@gantry/api-types';
import type { CreateExec, Engine, ExecDetails } from '@gantry/engine';

export function toCreateExec(request: ExecCreateRequest & { readonly Cmd: readonly string[] }): CreateExec {
  const [rows = 0, cols = 0] = request.ConsoleSize ?? [];
  return {
    cmd: request.Cmd,
    env: request.Env ?? undefined,
    user: request.User,
    workingDir: request.WorkingDir,
    terminal: request.Tty,
    attachStdin: request.AttachStdin,
    attachStdout: request.AttachStdout,
    attachStderr: request.AttachStderr,
    privileged: request.Privileged,
    detachKeys: request.DetachKeys,
    consoleSize: rows > 0 && cols > 0 ? { rows, cols } : undefined,
  };
}

export function toExecInspect({ id, containerId, running, exitCode, pid, request }: ExecDetails): ExecInspectResponse {
  const [entrypoint = '', ...args] = request.cmd;
  return {
    CanRemove: false,
    DetachKeys: request.detachKeys ?? '',
    ID: id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: { privileged: request.privileged ?? false, user: request.user ?? '', tty: request.terminal ?? false, entrypoint, arguments: args },
    OpenStdin: request.attachStdin ?? false,
    OpenStderr: request.attachStderr ?? false,
    OpenStdout: request.attachStdout ?? false,
    ContainerID: containerId,
    Pid: pid,
  };
}

export function execBackend({ execs }: Engine): ExecBackend {
  return {
    create: (container, request) => execs.create(container, toCreateExec(request)),
    start: (id, { detach, size }) => execs.start(id, { detach, consoleSize: size !== undefined && size.rows > 0 && size.cols > 0 ? size : undefined }),
    inspect: async (id) => toExecInspect(await execs.inspect(id)),
    resize: (id, size) => execs.resize(id, size),
  };
}
