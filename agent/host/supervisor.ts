/** What happens to the developer's process over the life of its container: today it is run once, and its end is ours. */
import type { Clock } from "../../core/host/clock.ts";
import { OUTPUT_DRAIN_MS_MAX } from "../../core/limits.ts";
import { atMost } from "./at-most.ts";
import { type Child, type ChildOptions, startChild } from "./process.ts";
import { explainStartFailure, findProgramFile } from "./program-file.ts";

export interface SuperviseOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onOutput: ChildOptions["onOutput"];
  /** Called once the process runs. */
  readonly onStart: (child: Child) => void;
  /** A sentence for the container's log: why nothing was started. */
  readonly say: (sentence: string) => Promise<void>;
}

/** Where programs are looked for when nothing sets PATH, as container runtimes do. */
const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Resolves with the exit code of the container: the process's own, or 126 or 127 when it could not be started. */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const [word = ""] = options.command;
  const program = await findProgramFile(word, options.env["PATH"] ?? PATH_DEFAULT);
  if (!program.found) return refuse(options, program);
  let child: Child;
  try {
    child = startChild({ ...options, file: program.file, argv: options.command });
  } catch (error) {
    return refuse(options, explainStartFailure(program.file, error));
  }
  options.onStart(child);
  const code = await child.exited;
  // Descendants may hold the pipes for ever; what the process itself wrote is in them already.
  await atMost(options.clock, OUTPUT_DRAIN_MS_MAX, child.drained);
  await child.release();
  return code;
}

async function refuse(
  options: SuperviseOptions,
  why: { readonly exitCode: number; readonly reason: string },
): Promise<number> {
  await options.say(`cannot start \`${options.command.join(" ")}\`: ${why.reason}`);
  return why.exitCode;
}
