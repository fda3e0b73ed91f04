/** Other programs as a port: an argv array in, exit code and output out; never a shell string. */
export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; nothing is inherited unless it is named here. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Ends the program (SIGTERM) when this process ends, also when it is killed. Nothing without `/bin/sh` (Windows); takes no `input`. */
  readonly bound?: boolean;
  /** Called with each complete line as it arrives. */
  readonly onLine?: (stream: "stdout" | "stderr", line: string) => void;
}

export interface RunResult {
  /** Exit code, or 128 + signal number as shells report it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects only when the program could not be started: `ENOENT` is kept in the error's `code`. */
export type Run = (argv: readonly string[], options: RunOptions) => Promise<RunResult>;
