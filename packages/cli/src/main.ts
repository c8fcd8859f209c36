import { execute } from '@oclif/core';

/** Everything that is not hot: help, completion, plugins, unknown commands. */
export async function start(from: string): Promise<void> {
  await execute({ dir: from });
}
