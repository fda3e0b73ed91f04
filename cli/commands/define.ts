/** Declarations apart from actions: `--help` and completion read declarations only and load nothing heavy. */
import type { ArgumentsCamelCase, InferredOptionTypes, Options, PositionalOptions } from "yargs";
import type { Context } from "../context.ts";

type OptionTable = Readonly<Record<string, Options>>;
type PositionalTable = Readonly<Record<string, PositionalOptions>>;

interface NoPositionals {
  readonly [name: string]: never;
}

/** What the command line gave for a command's own options and positionals. */
type Args<O extends OptionTable, P extends PositionalTable> = ArgumentsCamelCase<
  InferredOptionTypes<O> & InferredOptionTypes<P>
> & {
  /** What follows `--`, for commands that ask for it. */
  readonly rest: readonly string[];
};

export interface Command<O extends OptionTable, P extends PositionalTable> {
  /** As yargs reads it, with its group before it: `space select` or `up [services..]`. */
  readonly command: string;
  /** Other full command lines for the same thing, for example `use` for `cluster enable`. */
  readonly aliases?: readonly string[];
  readonly describe: string;
  /** More words for the end of its help. */
  readonly epilogue?: string;
  /** What has to follow `--`, in words of a usage line; it reaches the action as it was written. */
  readonly rest?: string;
  readonly options: O;
  /** Those that `command` names in brackets. */
  readonly positionals?: P;
  /** Example command line → what it does. */
  readonly examples?: readonly (readonly [string, string])[];
  /** May show the live view instead of plain lines where the terminal allows it. */
  readonly live?: true;
  /** Loaded when the command runs; resolves to the exit code. */
  readonly action: () => Promise<{ readonly run: (args: Args<O, P>, context: Context) => Promise<number> }>;
}

/** A command whose options are no longer known by type, as the registry holds it. */
export interface AnyCommand extends Omit<Command<OptionTable, PositionalTable>, "action"> {
  readonly action: () => Promise<{
    readonly run: (args: Readonly<Record<string, unknown>>, context: Context) => Promise<number>;
  }>;
}

/** Checks that the action takes what the options give, then forgets their types. */
export function define<const O extends OptionTable, const P extends PositionalTable = NoPositionals>(
  command: Command<O, P>,
): AnyCommand {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- yargs fills exactly the declared options, so the erased argument is an Args<O, P>
  return command as unknown as AnyCommand;
}
