import type { EngineClient } from '@gantry/client';
import { GantryError, isGantryError, toGantryError } from '@gantry/errors';
import { formatObject } from '../format/format.ts';
import type { Value } from '../format/template/functions.ts';
import { withEngine } from '../kit/engine.ts';
import { define } from '../kit/spec.ts';

export const inspect = define({
  name: 'inspect',
  aliases: ['container inspect', 'image inspect'],
  summary: 'Show everything about containers and images',
  examples: [
    { description: 'As JSON', command: 'gantry inspect web' },
    { description: 'One field', command: "gantry inspect -f '{{.State.ExitCode}}' web" },
  ],
  flags: {
    format: { type: 'string', char: 'f', value: 'template', summary: 'json, or a Go template' },
    size: { type: 'boolean', char: 's', summary: 'Show the sizes of containers' },
    type: { type: 'string', options: ['container', 'image'], summary: 'Look for this type only' },
  },
  args: { usage: 'NAME|ID [NAME|ID...]', min: 1, max: Infinity },
  run: ({ flags, args, io, global }) => withEngine(global, io, async (client) => {
    const found: Value[] = [];
    const failures: string[] = [];
    for (const name of args) {
      try {
        found.push(await lookUp(client, name, flags.type, flags.size));
      } catch (error) {
        failures.push(toGantryError(error).message);
      }
    }
    if (flags.format === undefined) await io.out(`${JSON.stringify(found, null, 4)}\n`);
    else for (const value of found) await io.out(formatObject(value, flags.format));
    for (const failure of failures) await io.err(`gantry: ${failure}\n`);
    return failures.length === 0 ? 0 : 1;
  }),
});

/** Containers first, as Docker looks. */
async function lookUp(client: EngineClient, name: string, type: string | undefined, size: boolean): Promise<Value> {
  const looks = [
    ...(type === 'image' ? [] : [() => client.containers.inspect(name, { size })]),
    ...(type === 'container' ? [] : [() => client.images.inspect(name)]),
  ];
  for (const look of looks) {
    try {
      // What comes is JSON, whatever its type says of it.
      return (await look()) as unknown as Value;
    } catch (error) {
      if (!isGantryError(error) || error.kind !== 'notFound') throw error;
    }
  }
  throw new GantryError('notFound', 'object-not-found', `No such ${type ?? 'object'}: ${name}`);
}
