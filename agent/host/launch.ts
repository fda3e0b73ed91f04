/** A command as a running process, or why it is none. */
import { type Child, type ChildOptions, type Children } from "./process.ts";
import { type ProgramFile, explainStartFailure, findProgramFile } from "./program-file.ts";

export interface LaunchOptions extends Pick<ChildOptions, "env" | "onOutput" | "stdin"> {
  readonly command: readonly string[];
  readonly children: Children;
}

export type Launch = { readonly child: Child } | { readonly refused: Extract<ProgramFile, { readonly found: false }> };

/** Where programs are looked for when nothing sets PATH, as container runtimes do. */
const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function launch({ command, children, ...options }: LaunchOptions): Promise<Launch> {
  const [word = ""] = command;
  const program = await findProgramFile(word, options.env["PATH"] ?? PATH_DEFAULT);
  if (!program.found) return { refused: program };
  try {
    return { child: children.start({ ...options, file: program.file, argv: command }) };
  } catch (error) {
    return { refused: explainStartFailure(program.file, error) };
  }
}
