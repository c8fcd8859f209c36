import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext, Logger } from '@gantry/driver-api';
import { openNative, type Native } from '@gantry/linux';

/**
 * A place for drivers to live in: folders of their own under one temporary folder, and one instance of the native binary.
 * Afterwards nothing is left: no mount, no process, no file.
 */
export class Environment implements AsyncDisposable {
  /** The temporary folder. */
  readonly root: string;
  readonly instance: string;
  readonly #bootId: string;
  readonly #end = new AbortController();
  #native: Promise<Native> | undefined;

  private constructor(root: string, instance: string, bootId: string) {
    this.root = root;
    this.instance = instance;
    this.#bootId = bootId;
  }

  /** @param parent Where to make the temporary folder: decides the file system. */
  static async create(parent: string = tmpdir()): Promise<Environment> {
    const root = await realpath(await mkdtemp(join(parent, 'gantry-test-')));
    await mkdir(join(root, 'state'), { mode: 0o700 });
    await mkdir(join(root, 'run'), { mode: 0o700 });
    return new Environment(root, randomBytes(4).toString('hex'), (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim());
  }

  get stateDir(): string {
    return join(this.root, 'state');
  }

  get runDir(): string {
    return join(this.root, 'run');
  }

  /** @param session Which engine process it would be. */
  context(session: string): DriverContext {
    const { instance, stateDir, runDir } = this;
    return { instance, session, bootId: this.#bootId, domain: 'local', stateDir, runDir, log: silent, signal: this.#end.signal };
  }

  /** For the kit's own looks into trees; another one when it has ended. */
  native(): Promise<Native> {
    if (this.#native === undefined) {
      const opening = openNative({ runDir: this.runDir, instance: this.instance });
      this.#native = opening;
      const forget = (): void => {
        if (this.#native === opening) this.#native = undefined;
      };
      opening.then((native) => native.closed).then(forget, forget);
    }
    return this.#native;
  }

  /** Mount points below the temporary folder. */
  async mounts(): Promise<string[]> {
    const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
    return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(`${this.root}/`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    const left = await this.mounts();
    if (left.length > 0 || this.#native !== undefined || existsSync(join(this.runDir, 'z'))) {
      const native = await this.native();
      for (const path of left.reverse()) await native.umount(path, { detach: true });
      await native.quit();
      await native[Symbol.asyncDispose]();
      await gone(native.pid);
    }
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A dead process that its parent has not looked after yet is gone too. */
async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (stat === '' || stat.includes(') Z ')) return;
    await delay(10);
  }
}

/** What a driver logs is not what a kit looks at. */
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent };
