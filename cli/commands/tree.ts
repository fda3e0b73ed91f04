/** The command line as a value: which command with which arguments, or a text to print. Nothing runs here. */
import yargs, { type Argv, type Options } from "yargs";
import { VERSION } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import type { Globals } from "../context.ts";
import type { AnyCommand } from "./define.ts";
import { COMMANDS, GROUPS } from "./registry.ts";
import { NO_COMMAND, restMissing, usageMessage } from "./usage.ts";

type ParsedArgs = Readonly<Record<string, unknown>>;

export type ParsedLine =
  /** Help, version or a completion script. */
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "command"; readonly command: AnyCommand; readonly args: ParsedArgs; readonly globals: Globals };

/** Wider help is hard to read. */
const HELP_COLUMNS_MAX = 100;

const GLOBAL_OPTIONS: Readonly<Record<string, Options>> = {
  kubeconfig: {
    type: "string",
    requiresArg: true,
    describe: "kubeconfig file; default: KUBECONFIG, then ~/.kube/config",
  },
  context: { type: "string", requiresArg: true, describe: "Context of the kubeconfig; default: the current one" },
  output: {
    alias: "o",
    choices: ["text", "json"],
    default: "text",
    describe: "Text for people or one JSON object a line",
  },
  verbose: { alias: "v", type: "boolean", default: false, describe: "Show details of each step" },
  yes: { alias: "y", type: "boolean", default: false, describe: "Ask nothing" },
};

/** @throws AzdsError USAGE for a line that no command takes */
export async function parseLine(argv: readonly string[], columns: number): Promise<ParsedLine> {
  let chosen: { readonly command: AnyCommand; readonly args: ParsedArgs } | undefined;
  const parser = buildTree(columns, (command, args) => {
    chosen = { command, args };
  });
  const { words, rest } = splitRest(argv);
  const { failure, text } = await parse(parser, words);
  if (failure !== undefined) {
    const message =
      (rest === undefined ? restMissing(words, COMMANDS) : undefined) ?? usageMessage(failure.message, words, COMMANDS);
    throw new AzdsError("USAGE", message, { cause: failure });
  }
  if (text !== "") return { kind: "text", text: `${text}\n` };
  if (chosen === undefined) throw new AzdsError("USAGE", NO_COMMAND);
  const { command, args } = chosen;
  refuseRepeated(command, args);
  const missing = command.rest !== undefined && (rest ?? []).length === 0 ? restMissing(words, COMMANDS) : undefined;
  if (missing !== undefined) throw new AzdsError("USAGE", missing);
  return { kind: "command", command, args: { ...args, rest: rest ?? [] }, globals: globalsOf(args) };
}

/** For a command that hands on what follows `--`, yargs sees only what stands before; for others `--` is yargs' own. */
function splitRest(argv: readonly string[]): {
  readonly words: readonly string[];
  readonly rest: readonly string[] | undefined;
} {
  const cut = argv.indexOf("--");
  const words = cut < 0 ? argv : argv.slice(0, cut);
  if (cut < 0 || !takesRest(words)) return { words: argv, rest: undefined };
  return { words, rest: argv.slice(cut + 1) };
}

function takesRest(words: readonly string[]): boolean {
  const first = words.find((word) => commandNames().has(word));
  return COMMANDS.some(({ command, rest }) => rest !== undefined && command.split(" ")[0] === first);
}

/** First words of all commands: of a line that starts with options, the one that is no value of theirs. */
function commandNames(): ReadonlySet<string> {
  return new Set(
    COMMANDS.flatMap(({ command, aliases = [] }) => [command, ...aliases]).map((line) => line.split(" ")[0] ?? ""),
  );
}

/** With a callback yargs hands over what it would have printed, and never ends the process. */
async function parse(
  parser: Argv,
  argv: readonly string[],
): Promise<{ readonly failure: Error | undefined; readonly text: string }> {
  let outcome: { readonly failure: Error | undefined; readonly text: string } = { failure: undefined, text: "" };
  await parser.parseAsync(argv, {}, (error: Error | null | undefined, _args: unknown, text: string) => {
    outcome = { failure: error ?? undefined, text };
  });
  return outcome;
}

type Choose = (command: AnyCommand, args: ParsedArgs) => void;

function buildTree(columns: number, choose: Choose): Argv {
  const parser = yargs()
    .scriptName("azds")
    .usage("$0 <command>\n\nDev spaces on any Kubernetes cluster")
    .locale("en")
    // `--no-wait` is an option of its own, not a `wait` turned off.
    .parserConfiguration({ "boolean-negation": false, "strip-dashed": true, "strip-aliased": true })
    .options(GLOBAL_OPTIONS)
    .group([...Object.keys(GLOBAL_OPTIONS), "help", "version"], "Global options:")
    .version(`azds ${VERSION}`)
    .help()
    .alias("help", "h")
    .wrap(Math.min(columns, HELP_COLUMNS_MAX))
    .strict()
    .demandCommand(1, NO_COMMAND)
    .exitProcess(false)
    .showHelpOnFail(false);
  for (const command of COMMANDS.filter((each) => groupOf(each.command) === undefined))
    addCommand(parser, command, choose);
  for (const [group, about] of Object.entries(GROUPS)) {
    parser.command(`${group} <command>`, about, (inner) => {
      for (const command of COMMANDS.filter((each) => groupOf(each.command) === group))
        addCommand(inner, command, choose);
      return inner.demandCommand(1, NO_COMMAND);
    });
  }
  for (const command of COMMANDS) addAliases(parser, command, choose);
  return parser.completion("completion", "Print a script that completes azds commands in the shell");
}

function groupOf(line: string): string | undefined {
  const [first = ""] = line.split(" ");
  return first in GROUPS ? first : undefined;
}

/** `select` of `space select`. */
function inGroup(line: string): string {
  const group = groupOf(line);
  return group === undefined ? line : line.slice(group.length + 1);
}

function addCommand(parser: Argv, command: AnyCommand, choose: Choose): void {
  addTo(parser, { command, line: inGroup(command.command), describe: command.describe, choose });
}

function addAliases(parser: Argv, command: AnyCommand, choose: Choose): void {
  for (const line of command.aliases ?? []) {
    addTo(parser, { command, line, describe: `Same as \`azds ${command.command}\``, choose });
  }
}

interface Entry {
  readonly command: AnyCommand;
  readonly line: string;
  readonly describe: string;
  readonly choose: Choose;
}

function addTo(parser: Argv, { command, line, describe, choose }: Entry): void {
  parser.command(
    line,
    describe,
    (inner) => {
      for (const [name, options] of Object.entries(command.positionals ?? {})) inner.positional(name, options);
      for (const [example, does] of command.examples ?? []) inner.example(example, does);
      if (command.rest !== undefined) inner.usage(`$0 ${line} -- ${command.rest}\n\n${command.describe}`);
      if (command.epilogue !== undefined) inner.epilogue(command.epilogue);
      return inner.options(command.options).group(Object.keys(command.options), "Options:");
    },
    (args) => choose(command, args),
  );
}

/** yargs makes a list of an option that is given twice; only declared lists may be one. Not-a-number likewise. */
function refuseRepeated(command: AnyCommand, args: ParsedArgs): void {
  for (const [name, options] of Object.entries({ ...GLOBAL_OPTIONS, ...command.options })) {
    const value = args[camelCase(name)];
    if (Array.isArray(value) && options.array !== true) throw new AzdsError("USAGE", `\`--${name}\` was given twice`);
    if (Number.isNaN(value)) throw new AzdsError("USAGE", `\`--${name}\` must be a number`);
  }
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function globalsOf(args: ParsedArgs): Globals {
  const text = (name: string): string | undefined => (typeof args[name] === "string" ? args[name] : undefined);
  return {
    kubeconfig: text("kubeconfig"),
    context: text("context"),
    output: args["output"] === "json" ? "json" : "text",
    verbose: args["verbose"] === true,
    yes: args["yes"] === true,
  };
}
