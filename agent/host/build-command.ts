/** One build command of an update, in the container and environment of the application. */
import { AzdsError } from "../../core/errors.ts";
import type { Clock } from "../../core/host/clock.ts";
import { BUILD_MS_MAX } from "../../core/limits.ts";
import { type LaunchOptions, launch } from "./launch.ts";
import { endGroup } from "./process-group.ts";

export interface BuildOptions extends Omit<LaunchOptions, "stdin"> {
  readonly clock: Clock;
  /** Ends the command with all that it started. */
  readonly signal: AbortSignal;
}

/** @throws AzdsError UPDATE_FAILED when it fails or cannot be started, the signal's reason after its abort */
export async function runBuild(options: BuildOptions): Promise<void> {
  const { clock, command, signal } = options;
  signal.throwIfAborted();
  const words = command.join(" ");
  const launched = await launch({ ...options, stdin: "ignore" });
  if ("refused" in launched)
    throw new AzdsError("UPDATE_FAILED", `\`${words}\` cannot be started: ${launched.refused.reason}`);
  const { child } = launched;
  const over = new AbortController();
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) stop.abort();
  const patience = clock.sleep(BUILD_MS_MAX, AbortSignal.any([over.signal, stop.signal])).catch(() => undefined);
  try {
    const code = await Promise.race([child.exited, patience]);
    if (code === undefined) await endGroup(child, clock);
    await child.drain(clock);
    signal.throwIfAborted();
    if (code === undefined) throw new AzdsError("UPDATE_FAILED", `\`${words}\` ran longer than ${BUILD_MS_MAX} ms`);
    if (code !== 0) throw new AzdsError("UPDATE_FAILED", `\`${words}\` ended with exit code ${code}`);
  } finally {
    over.abort();
    signal.removeEventListener("abort", onAbort);
  }
}
