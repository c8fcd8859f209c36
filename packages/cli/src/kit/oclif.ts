import { Args, Command, Flags } from '@oclif/core';
import { execute } from './execute.ts';
import { processIo } from './io.ts';
import { globalFlags, type CommandSpec, type FlagSpec, type FlagSpecs } from './spec.ts';

type OclifFlags = Command.Class['flags'];

/** The oclif class of a command: help, completion and plugins see it; the words are still read by our own parser. */
export function oclifCommand(spec: CommandSpec): Command.Class {
  return class extends Command {
    static override readonly id = spec.name;
    static override readonly aliases = [...(spec.aliases ?? [])];
    static override readonly summary = spec.summary;
    static override readonly description = spec.description ?? '';
    static override readonly usage = [spec.name, '[OPTIONS]', spec.args.usage].filter((word) => word !== '').join(' ');
    static override readonly examples = spec.examples.map(({ description, command }) => ({ description, command }));
    static override readonly flags = flagsOf({ ...spec.flags, ...globalFlags });
    static override readonly strict = false;
    static override readonly args = { words: Args.string({ hidden: true }) };

    override async run(): Promise<void> {
      const code = await execute(spec, this.argv, processIo());
      this.exit(code ?? 0);
    }
  };
}

function flagsOf(specs: FlagSpecs): OclifFlags {
  return Object.fromEntries(Object.entries(specs).map(([name, flag]) => [name, flagOf(flag)]));
}

function flagOf(flag: FlagSpec): OclifFlags[string] {
  const common = { summary: flag.summary, ...(isChar(flag.char) ? { char: flag.char } : {}) };
  if (flag.type === 'boolean') return Flags.boolean(common);
  const value = flag.value === undefined ? {} : { helpValue: `<${flag.value}>` };
  if (flag.type === 'list') return Flags.string({ ...common, ...value, multiple: true });
  return Flags.string({ ...common, ...value, ...(flag.options === undefined ? {} : { options: [...flag.options] }) });
}

type Char = NonNullable<NonNullable<Parameters<typeof Flags.boolean>[0]>['char']>;

function isChar(char: string | undefined): char is Char {
  return char !== undefined && /^[a-zA-Z]$/.test(char);
}
