/** Which file a command's first word means, as the container runtime would find it. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { codeOf } from "./system-error.ts";

/** Exit codes of shells and container runtimes for a command that cannot run (POSIX.1-2024, XCU 2.8.2). */
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;

export type ProgramFile =
  | { readonly found: true; readonly file: string }
  | { readonly found: false; readonly exitCode: number; readonly reason: string };

/**
 * A word with a slash is the file itself; any other is looked for in the folders of `path`, as execvp(3) does.
 * An empty folder name means the current one.
 */
export async function findProgramFile(word: string, path: string): Promise<ProgramFile> {
  if (word === "") return { found: false, exitCode: EXIT_NOT_FOUND, reason: "The command's first word is empty" };
  if (word.includes("/")) return lookAt(word);
  let denied: ProgramFile | undefined;
  for (const folder of path.split(delimiter)) {
    const candidate = await lookAt(join(folder === "" ? "." : folder, word));
    if (candidate.found) return candidate;
    if (candidate.exitCode === EXIT_NOT_EXECUTABLE) denied ??= candidate;
  }
  const reason = `\`${word}\` was not found in the folders of PATH (\`${path}\`)`;
  return denied ?? { found: false, exitCode: EXIT_NOT_FOUND, reason };
}

async function lookAt(file: string): Promise<ProgramFile> {
  try {
    const facts = await stat(file);
    if (facts.isDirectory()) return refused(file, "is a folder");
    await access(file, constants.X_OK);
    return { found: true, file };
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES" || code === "EPERM") return refused(file, "may not be executed");
    return { found: false, exitCode: EXIT_NOT_FOUND, reason: `\`${file}\` does not exist in the image` };
  }
}

/** Why the system refused to start a file that exists, in words. */
export function explainStartFailure(file: string, error: unknown): ProgramFile & { readonly found: false } {
  const code = codeOf(error);
  if (code === "ENOENT") {
    const reason = `\`${file}\` exists, but the interpreter or loader that it names does not`;
    return { found: false, exitCode: EXIT_NOT_FOUND, reason };
  }
  if (code === "ENOEXEC") return refused(file, "is no program of this machine's kind and names no interpreter (`#!`)");
  return refused(file, `could not be started (${code ?? String(error)})`);
}

function refused(file: string, why: string): ProgramFile & { readonly found: false } {
  return { found: false, exitCode: EXIT_NOT_EXECUTABLE, reason: `\`${file}\` ${why}` };
}
