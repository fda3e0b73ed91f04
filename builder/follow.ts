/** Long-running programs whose words matter while they run: each line of stderr is handed over before the next is read. */
import { PROCESS_LINE_BYTES_MAX, PROCESS_STOP_MS_MAX } from "../core/limits.ts";
import { createLineSplitter } from "../core/output.ts";

export interface FollowOptions {
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends the program: SIGTERM, and SIGKILL after PROCESS_STOP_MS_MAX. */
  readonly signal: AbortSignal;
  /** The program is held back while this is at work. A rejection ends the program and is passed on. */
  readonly onLine: (line: string) => Promise<void>;
}

/** Resolves with the exit code, or 128 + signal number. Rejects when the program cannot be started, with its `code`. */
export type Follow = (argv: readonly string[], options: FollowOptions) => Promise<number>;

export const followProgram: Follow = async (argv, { env, signal, onLine }) => {
  const child = Bun.spawn([...argv], { env, stdio: ["ignore", "ignore", "pipe"] });
  let killer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    child.kill("SIGTERM");
    killer ??= setTimeout(() => child.kill("SIGKILL"), PROCESS_STOP_MS_MAX);
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    const splitter = createLineSplitter(PROCESS_LINE_BYTES_MAX);
    for await (const bytes of child.stderr) {
      for (const line of splitter.push(bytes)) await onLine(line);
    }
    for (const line of splitter.end()) await onLine(line);
    return await child.exited;
  } catch (error) {
    end();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
    await child.exited;
    clearTimeout(killer);
  }
};
