import type { Attached, Runtime, RuntimeEvent, State } from '@gantry/driver-api';
import { GantryError } from '@gantry/errors';
import { conflict, never, nothing, notFound, type Run, type World } from './world.ts';

const unused = (): never => {
  throw new GantryError('notImplemented', 'unused', 'the engine does not use this');
};

/**
 * The runtime seam over a `World`. Programs are words: `exit N`, `echo TEXT` (then exit 0), `missing` (127), `forbidden`
 * (126), `type` (echoes standard input until it ends); anything else runs until a signal ends it, `stubborn` only by SIGKILL.
 */
export function memoryRuntime(world: World, generation: number): Runtime {
  const enter = (call: string): Promise<void> => world.enter(generation, `runtime.${call}`);
  const runOf = (id: string): Run => {
    const run = world.runs.get(id);
    if (run === undefined) throw notFound(`container ${id}`);
    return run;
  };
  const disposed = Promise.withResolvers<never>();
  disposed.promise.catch(() => undefined);
  const whileOpen = <T>(promise: Promise<T>): Promise<T> => (world.isDead(generation) ? never() : Promise.race([promise, disposed.promise]));

  const begin = (run: Run): void => {
    const [program, ...words] = run.request.spec.process?.args ?? [];
    if (program === 'exit') setImmediate(() => world.exit(run.request.id, Number(words[0])));
    if (program !== 'echo') return;
    setImmediate(() => {
      world.write(run.request.id, 1, `${words.join(' ')}\n`);
      world.exit(run.request.id, 0);
    });
  };

  return {
    name: 'memory',
    domain: 'local',
    capabilities: { pause: true, update: false, checkpoint: false, pool: false, cgroup: 'v2', features: {} },
    status: async () => [],
    check: nothing,
    async openSandbox(request) {
      await enter('openSandbox');
      const known = world.sandboxes.get(request.id);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(request)) throw conflict(`sandbox ${request.id} is another`);
      world.sandboxes.set(request.id, request);
      return { id: request.id, namespaces: {} };
    },
    async closeSandbox(id) {
      await enter('closeSandbox');
      if ([...world.runs.values()].some((run) => run.request.sandbox === id)) throw conflict(`sandbox ${id} has containers`);
      world.sandboxes.delete(id);
    },
    async create(request) {
      await enter('create');
      const known = world.runs.get(request.id);
      if (known !== undefined) {
        if (known.request.token !== request.token) throw conflict(`container ${request.id} has another token`);
        return known.state;
      }
      if (!world.sandboxes.has(request.sandbox)) throw notFound(`sandbox ${request.sandbox}`);
      const state: State = { id: request.id, token: request.token, sandbox: request.sandbox, status: 'created', pid: 1000 + world.runs.size, execs: [], keeper: { version: '1' } };
      const run: Run = { request, state, exited: Promise.withResolvers(), execs: new Map(), listeners: new Set(), typed: [] };
      run.exited.promise.catch(() => undefined);
      world.runs.set(request.id, run);
      return state;
    },
    async start(id, execId) {
      await enter(execId === undefined ? 'start' : 'start exec');
      const run = runOf(id);
      if (execId !== undefined) {
        const exec = run.execs.get(execId);
        if (exec === undefined) throw notFound(`exec ${execId}`);
        if (exec.args[0] === 'missing') throw new GantryError('invalid', 'exec-failed', 'no such file', { details: { exitCode: 127 } });
        if (exec.args[0] === 'exit') {
          exec.exit = { code: Number(exec.args[1]), oomKilled: false, at: new Date().toISOString() };
          exec.exited.resolve(exec.exit);
        }
        return run.state;
      }
      if (run.state.status !== 'created') throw conflict(`container ${id} is ${run.state.status}`);
      const program = run.request.spec.process?.args[0];
      const refused = program === 'missing' ? 127 : program === 'forbidden' ? 126 : undefined;
      if (refused !== undefined) {
        world.exit(id, refused);
        throw new GantryError('invalid', 'exec-failed', `cannot execute ${program ?? ''}`, { details: { exitCode: refused } });
      }
      run.state = { ...run.state, status: 'running', startedAt: new Date().toISOString() };
      begin(run);
      return run.state;
    },
    async exec(id, execId, process) {
      await enter('exec');
      runOf(id).execs.set(execId, { args: process.args, exited: Promise.withResolvers() });
      return { pid: 77 };
    },
    async kill(id, signal) {
      await enter('kill');
      const run = runOf(id);
      if (run.state.status === 'stopped') throw conflict(`container ${id} is not running`);
      if (run.request.spec.process?.args[0] !== 'stubborn' || signal === 9) world.exit(id, 128 + signal);
    },
    async attach(id, o): Promise<Attached> {
      await enter('attach');
      const run = runOf(id);
      const queue: ({ fd: 1 | 2; data: Uint8Array } | null)[] = run.state.status === 'stopped' ? [null] : [];
      let wake = (): void => undefined;
      const listener = (chunk: { fd: 1 | 2; data: Uint8Array } | null): void => {
        queue.push(chunk);
        wake();
      };
      run.listeners.add(listener);
      const output = (async function* () {
        for (;;) {
          const chunk = queue.shift();
          if (chunk === null) return;
          if (chunk !== undefined) yield chunk;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      })();
      const stdin = new WritableStream<Uint8Array>({
        write: (chunk) => {
          run.typed.push(Buffer.from(chunk).toString());
          if (run.request.spec.process?.args[0] === 'type') world.write(id, 1, Buffer.from(chunk).toString());
        },
        close: () => {
          if (run.request.spec.process?.args[0] === 'type') world.exit(id, 0);
        },
      });
      return {
        ...(o.stdin ? { stdin } : {}),
        output,
        [Symbol.asyncDispose]: async () => {
          run.listeners.delete(listener);
          listener(null);
        },
      };
    },
    async resize(id) {
      await enter('resize');
      if (!runOf(id).request.io.terminal) throw conflict('no terminal');
    },
    setLog: unused,
    spool: unused,
    trimLog: unused,
    async pause(id) {
      await enter('pause');
      const run = runOf(id);
      run.state = { ...run.state, status: 'paused' };
    },
    async resume(id) {
      await enter('resume');
      const run = runOf(id);
      if (run.state.status === 'paused') run.state = { ...run.state, status: 'running' };
    },
    update: unused,
    checkpoint: unused,
    stats: unused,
    pids: unused,
    async wait(id, o = {}) {
      const run = runOf(id);
      const exec = o.execId === undefined ? undefined : run.execs.get(o.execId);
      return whileOpen(exec === undefined ? run.exited.promise : exec.exited.promise);
    },
    async delete(id, o = {}) {
      await enter(o.execId === undefined ? 'delete' : 'delete exec');
      const run = world.runs.get(id);
      if (run === undefined) return null;
      if (o.execId !== undefined) {
        run.execs.delete(o.execId);
        return null;
      }
      const { status } = run.state;
      if (status === 'running' || status === 'paused') {
        if (o.force !== true) throw conflict(`container ${id} is running`);
        world.exit(id, 137);
      }
      world.runs.delete(id);
      run.exited.reject(notFound(`container ${id}`));
      return run.state.exit ?? null;
    },
    state: async (id) => runOf(id).state,
    async *list() {
      await enter('list');
      for (const run of [...world.runs.values()]) yield run.state;
    },
    async *events(o = {}): AsyncGenerator<RuntimeEvent> {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      o.signal?.addEventListener('abort', () => resolve(undefined), { once: true });
      await promise;
      yield* nothing();
    },
    [Symbol.asyncDispose]: async () => disposed.reject(new GantryError('unavailable', 'closed', 'the driver is closed')),
  };
}
