/** The real host. With main.ts and stdio.ts the only reader of `process.*` in the CLI. */
import { homedir, hostname, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isatty } from "node:tty";
import { stringEnvironment } from "../core/build-config.ts";
import { systemClock } from "../core/host/clock.ts";
import { runProcess } from "../core/host/run-process.ts";
import { at } from "../core/parse.ts";
import type { Host, Output } from "./host.ts";
import { systemStdio } from "./stdio.ts";

const COLUMNS_DEFAULT = 80;
const EXIT_INTERRUPTED = 130;

/** Call once: it takes the process's signals. */
export function systemHost(): Host {
  const env = stringEnvironment(process.env);
  const home = env["HOME"] ?? homedir();
  return {
    cwd: process.cwd(),
    env,
    home,
    folder: env["AZDS_HOME"] ?? join(home, ".azds"),
    owner: `${userName(env)}@${hostname()}`,
    pid: process.pid,
    processAlive,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdinIsTty: isatty(process.stdin.fd),
    stdio: systemStdio(),
    readLine,
    clock: systemClock,
    run: runProcess,
    signal: stopSignal(),
    executable: process.execPath,
  };
}

/** A user id without an entry in the user database has no name. */
function userName(env: Readonly<Record<string, string>>): string {
  try {
    return userInfo().username;
  } catch {
    return env["USER"] ?? "unknown";
  }
}

/** Signal 0 only asks (kill(2)); EPERM: there is one, of another user. */
function processAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return at(error, "code") === "EPERM";
  }
}

function outputOf(stream: NodeJS.WriteStream & { readonly fd: number }): Output {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader went away, as in `azds space list | head -1`; there is nobody left to write to.
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  // Counted here: the callback of an empty write, and `writableLength`, know nothing of what Bun still holds.
  let pending = 0;
  let idle = Promise.withResolvers<void>();
  const onWritten = (): void => {
    pending -= 1;
    if (pending === 0) idle.resolve();
  };
  return {
    write: (text) => {
      if (pending === 0) idle = Promise.withResolvers();
      pending += 1;
      stream.write(text, onWritten);
    },
    drained: async () => (pending === 0 ? undefined : idle.promise),
    isTty: isatty(stream.fd),
    columns: stream.columns || COLUMNS_DEFAULT,
  };
}

/** The first signal asks the command to stop, the second ends the process. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    controller.abort(new DOMException("Interrupted", "AbortError"));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
  return controller.signal;
}

async function readLine(signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  // Not `terminal`: the kernel edits the line and turns Ctrl+C into a signal.
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(undefined));
      signal.addEventListener("abort", () => reject(new DOMException("Interrupted", "AbortError")), { once: true });
    });
  } finally {
    lines.close();
  }
}
