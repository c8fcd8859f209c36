const isSource = import.meta.url.endsWith('.ts');

/** The thread's program: beside this module in the sources, and flat beside the bundle once built. */
export const workerUrl: URL = new URL(isSource ? './layer.worker.ts' : './layer.worker.js', import.meta.url);

/** The flags of this process may not fit a thread (`--input-type`); the sources need the one that finds their siblings. */
export const workerFlags: readonly string[] = isSource ? ['--conditions=@gantry/source'] : [];
