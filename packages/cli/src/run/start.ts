import type { EngineClient } from '@gantry/client';
import { GantryError, isGantryError } from '@gantry/errors';

/** The exit codes that a shell gives for a program it cannot run, by the engine's error codes. */
const exitCodes: Readonly<Record<string, number>> = { 'program-not-found': 127, 'program-not-executable': 126 };

/** Starts a container; where its program cannot be run, the error carries the exit code for that. */
export async function startContainer(client: EngineClient, id: string): Promise<void> {
  try {
    await client.containers.start(id);
  } catch (error) {
    const exitCode = isGantryError(error) ? exitCodes[error.code] : undefined;
    if (!isGantryError(error) || exitCode === undefined) throw error;
    throw new GantryError(error.kind, error.code, error.message, { cause: error, details: { ...error.details, exitCode } });
  }
}
