import { isGantryError, toGantryError } from '@gantry/errors';
import { parse } from './parse.ts';
import { safeText } from './safe-text.ts';
import type { CommandSpec, FlagSpecs, Io } from './spec.ts';

/** Runs a command line, and returns its exit code; `undefined`: help was asked for, which only oclif shows. */
export async function execute<F extends FlagSpecs>(spec: CommandSpec<F>, argv: readonly string[], io: Io): Promise<number | undefined> {
  let debug = false;
  try {
    const parsed = parse(spec, argv);
    if (parsed.help) return undefined;
    debug = parsed.global.debug;
    return await spec.run({ flags: parsed.flags, args: parsed.args, global: parsed.global, io });
  } catch (error) {
    await io.err(describe(error, spec.name, debug));
    const exitCode = isGantryError(error) ? error.details['exitCode'] : undefined;
    return typeof exitCode === 'number' ? exitCode : (spec.failure ?? 1);
  }
}

function describe(thrown: unknown, command: string, debug: boolean): string {
  const error = toGantryError(thrown);
  let text = `gantry: ${safeText(error.message)}\n`;
  if (error.kind === 'invalid' && ['unknown-flag', 'flag-needs-value', 'bad-flag-value'].includes(error.code)) text += `\nSee 'gantry ${command} --help'.\n`;
  if (debug) {
    text += `  kind ${error.kind}, code ${error.code}${Object.keys(error.details).length > 0 ? `, ${JSON.stringify(error.details)}` : ''}\n`;
    for (let cause = error.cause; cause !== undefined; cause = cause instanceof Error ? cause.cause : undefined) {
      text += `  caused by ${cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(cause)}\n`;
    }
    if (!isGantryError(thrown)) text += `${error.stack ?? ''}\n`;
  }
  return text;
}
