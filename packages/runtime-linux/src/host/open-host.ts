import type { DriverContext, HostInfo } from '@gantry/driver-api';
import { toGantryError } from '@gantry/errors';
import { openNative } from '@gantry/linux';
import { Folders } from './folders.ts';
import { LinuxHost } from './host.ts';
import { Pins } from './pins.ts';
import { Trees } from './trees.ts';

export async function openHost(context: DriverContext, info: HostInfo): Promise<LinuxHost> {
  const native = await openNative({ runDir: context.runDir, instance: context.instance });
  try {
    const [folders, pins] = [new Folders(context.stateDir), new Pins(context, native)];
    await Promise.all([folders.open(), pins.open()]);
    void sweep(context, folders);
    return new LinuxHost({ domain: context.domain, info, native, trees: new Trees(native.endpoint), folders, pins });
  } catch (error) {
    await native[Symbol.asyncDispose]();
    throw error;
  }
}

async function sweep({ log }: DriverContext, folders: Folders): Promise<void> {
  try {
    await folders.sweep();
  } catch (error) {
    log.warn({ error: toGantryError(error).message }, 'folders that were dropped could not be deleted; the next start tries again');
  }
}
