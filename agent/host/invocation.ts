/** The command line that the webhook gives a session's container, and the command that the container would have run without it. */
import { parseArgs } from "node:util";
import type { ImageConfigs } from "../../core/build-config.ts";
import { AzdsError } from "../../core/errors.ts";
import { asArray, asString } from "../../core/parse.ts";

/**
 * `--image REF [--entrypoint-from-image] [--cmd-from-image] [--sync-target FOLDER] [--hold] [--attended] [--edited]
 * [--build COMMANDS] [--await-exec] -- WORD…`
 *
 * The words are `command` and `args` of the container; the two flags say which part of the image's configuration they
 * leave in force (https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/).
 */
export interface Invocation {
  readonly image: string;
  readonly entrypointFromImage: boolean;
  readonly cmdFromImage: boolean;
  /** Where synced files land; absent: the working directory. */
  readonly syncTarget?: string;
  /** Keep the container when the application ends while a client is there: it would be restarted anyway. */
  readonly hold: boolean;
  /** A client is on its way: keep the container for it also when the application ends before it is there. */
  readonly attended: boolean;
  /** `__build` may have left edits for this container. */
  readonly edited: boolean;
  /** Run before the start where edits were put back: JSON on the command line. */
  readonly buildCommands: readonly (readonly string[])[];
  /** Do not start the application; the container stays until it is asked to end. */
  readonly awaitExec: boolean;
  readonly words: readonly string[];
}

/** @throws AzdsError PROTOCOL when the arguments are not those of the webhook */
export function parseInvocation(argv: readonly string[]): Invocation {
  const split = argv.indexOf("--");
  const options = split < 0 ? argv : argv.slice(0, split);
  const words = split < 0 ? [] : argv.slice(split + 1);
  try {
    const { values } = parseArgs({
      args: [...options],
      options: {
        image: { type: "string" },
        "entrypoint-from-image": { type: "boolean", default: false },
        "cmd-from-image": { type: "boolean", default: false },
        "sync-target": { type: "string" },
        hold: { type: "boolean", default: false },
        attended: { type: "boolean", default: false },
        edited: { type: "boolean", default: false },
        build: { type: "string", default: "[]" },
        "await-exec": { type: "boolean", default: false },
      },
    });
    const { image, "entrypoint-from-image": entrypointFromImage, "cmd-from-image": cmdFromImage } = values;
    const { hold, attended, edited } = values;
    const syncTarget = values["sync-target"];
    if (image === undefined) throw new Error("`--image` is missing");
    return {
      image,
      entrypointFromImage,
      cmdFromImage,
      hold,
      attended,
      edited,
      buildCommands: asArray(JSON.parse(values.build)).map((command) =>
        asArray(command).flatMap((word) => asString(word) ?? []),
      ),
      awaitExec: values["await-exec"],
      words,
      ...(syncTarget === undefined ? {} : { syncTarget }),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AzdsError("PROTOCOL", `The agent was started with other arguments than it knows: ${reason}`, { cause });
  }
}

/**
 * The program and its arguments.
 * @throws AzdsError PROTOCOL when the image's configuration is needed and unknown, or when nothing names a command
 */
export function commandOf(invocation: Invocation, images: ImageConfigs): readonly string[] {
  const { entrypointFromImage, cmdFromImage, words } = invocation;
  const command = entrypointFromImage || cmdFromImage ? [...fromImage(invocation, images)] : words;
  if (command.length > 0) return command;
  throw new AzdsError("PROTOCOL", `Neither the pod nor the image \`${invocation.image}\` names a command to run`);
}

function fromImage(invocation: Invocation, images: ImageConfigs): readonly string[] {
  const { image, entrypointFromImage, cmdFromImage, words } = invocation;
  const config = images[image];
  if (config === undefined) throw new AzdsError("PROTOCOL", `The configuration of the image \`${image}\` is not known`);
  const entrypoint = entrypointFromImage ? config.entrypoint : [];
  return [...entrypoint, ...words, ...(cmdFromImage && words.length === 0 ? config.cmd : [])];
}
