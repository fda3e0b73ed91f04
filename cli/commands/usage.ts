/** What was wrong with a command line, in our words and with the nearest name that exists. */
import type { AnyCommand } from "./define.ts";

/** More edits than this are another word, not a slip. */
const EDITS_MAX = 2;

export const NO_COMMAND = "No command was given";

/** @param complaint what yargs says, in English */
export function usageMessage(complaint: string, argv: readonly string[], commands: readonly AnyCommand[]): string {
  const unknown = /^Unknown (?:argument|command)s?: (?<names>.+)$/.exec(complaint)?.groups?.["names"]?.split(", ")[0];
  if (unknown !== undefined) return unknownMessage(unknown, argv, commands);
  if (/^(?:No command was given|Not enough non-option arguments.*)$/.test(complaint))
    return tooShortMessage(argv, commands);
  const missing = /^Missing required arguments?: (?<names>.+)$/.exec(complaint)?.groups?.["names"];
  if (missing !== undefined) return `Missing \`--${missing.split(", ").join("`, `--")}\``;
  const noValue = /^Not enough arguments following: (?<name>.+)$/.exec(complaint)?.groups?.["name"];
  if (noValue !== undefined) return `\`${dashed(noValue)}\` needs a value`;
  const choice = /Argument: (?<name>[^,]+), Given: (?<given>.+), Choices: (?<choices>.+)$/.exec(complaint)?.groups;
  if (choice !== undefined)
    return `\`--${choice["name"]}\` must be one of ${choice["choices"]}, not ${choice["given"]}`;
  return complaint;
}

/** For a line whose command hands on what follows `--`, and that lacks it. */
export function restMissing(argv: readonly string[], commands: readonly AnyCommand[]): string | undefined {
  const first = argv.find((word) => !word.startsWith("-"));
  const command = commands.find(({ command: line, rest }) => rest !== undefined && line.split(" ")[0] === first);
  if (command === undefined) return undefined;
  return `\`azds ${first}\` needs \`-- ${command.rest}\` at its end: the command, after two dashes`;
}

/** A group without a command, a group with an unknown one, or a command without its argument. */
function tooShortMessage(argv: readonly string[], commands: readonly AnyCommand[]): string {
  const words = argv.filter((word) => !word.startsWith("-"));
  const stranger = words.find((word) => !commandWords(commands).includes(word));
  if (stranger !== undefined) return unknownMessage(stranger, argv, commands);
  const command = commands.find(({ command: line }) => line.startsWith(`${words.join(" ")} <`));
  if (command !== undefined)
    return `\`azds ${words.join(" ")}\` needs ${command.command.slice(words.join(" ").length + 1)}`;
  return words.length === 0 ? NO_COMMAND : `\`azds ${words.join(" ")}\` needs a command`;
}

function unknownMessage(name: string, argv: readonly string[], commands: readonly AnyCommand[]): string {
  const isOption = argv.some((word) => word.startsWith("-") && word.replace(/^-+/, "").split("=")[0] === name);
  const words = isOption ? optionNames(commands) : commandWords(commands);
  const near = nearest(name, words);
  const shown = (word: string): string => (isOption ? dashed(word) : word);
  const question = near === undefined ? "" : `; did you mean \`${shown(near)}\`?`;
  return `Unknown ${isOption ? "option" : "command"} \`${shown(name)}\`${question}`;
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function optionNames(commands: readonly AnyCommand[]): readonly string[] {
  return [
    "kubeconfig",
    "context",
    "output",
    "verbose",
    "yes",
    "help",
    ...commands.flatMap(({ options }) => Object.keys(options)),
  ];
}

function commandWords(commands: readonly AnyCommand[]): readonly string[] {
  const lines = commands.flatMap(({ command, aliases }) => [command, ...(aliases ?? [])]);
  return lines.flatMap((line) => line.split(" ").filter((word) => /^[a-z-]+$/.test(word)));
}

function nearest(name: string, words: readonly string[]): string | undefined {
  const ranked = words.map((word) => ({ word, edits: editDistance(name, word) })).toSorted((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= EDITS_MAX ? best.word : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
