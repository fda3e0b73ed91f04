/** The process around the CLI as one value; the only reader of `process.*` besides main.ts. */
import type { Clock } from "../core/host/clock.ts";
import type { Run } from "../core/host/run.ts";

export interface Output {
  readonly write: (text: string) => void;
  /** Resolves when the reader has taken all that was written. */
  readonly drained: () => Promise<void>;
  readonly isTty: boolean;
  /** Width of the terminal; 80 where there is none. */
  readonly columns: number;
}

export interface Stdio {
  /** Standard input as it comes; nothing is read before somebody asks. */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** Resolves when the reader has taken the bytes. */
  readonly write: (stream: "stdout" | "stderr", bytes: Uint8Array) => Promise<void>;
  /** Where standard input comes from; absent for files and pipes. */
  readonly terminal: Terminal | undefined;
}

export interface Terminal {
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Gives what ends the listening. */
  readonly onResize: (listener: () => void) => () => void;
  /** Keys come one by one and mean nothing, Ctrl+C included. Gives what restores the terminal. */
  readonly raw: () => () => void;
}

export interface Host {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The user's home folder. */
  readonly home: string;
  /** What azds remembers for this user: `AZDS_HOME`, else `~/.azds`. */
  readonly folder: string;
  /** `user@host`, for people. */
  readonly owner: string;
  /** Id of this process, and whether a process of this machine and user is alive. */
  readonly pid: number;
  readonly processAlive: (pid: number) => boolean;
  /** Data and events for people or programs. */
  readonly stdout: Output;
  /** Everything that is not data. */
  readonly stderr: Output;
  readonly stdinIsTty: boolean;
  /** The same streams for programs in the cluster. */
  readonly stdio: Stdio;
  /** One line of standard input without its line feed; `undefined` at its end. */
  readonly readLine: (signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly run: Run;
  /** Aborted by Ctrl+C, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Path of the running executable. */
  readonly executable: string;
}
