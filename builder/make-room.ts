/** A full disk: what the builder can make again goes, and what failed for want of room is tried once more. */
import type { Log } from "../core/host/log.ts";
import type { Run } from "../core/host/run.ts";
import { BUILDER_PRUNE_MS_MAX } from "../core/limits.ts";
import { type Buildctl, pruneArgv } from "./buildctl.ts";

export interface RoomPorts {
  readonly run: Run;
  readonly buildctl: Buildctl;
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
  /** Removes what can be sent again, of namespaces in which nobody is at work. */
  readonly cleanSources: () => Promise<void>;
}

export type MakeRoom = () => Promise<void>;

/** Those who ask while it is being done share it. It never rejects: whether there is room now, the next try tells. */
export function roomMaker({ run, buildctl, env, log, cleanSources }: RoomPorts): MakeRoom {
  let making: Promise<void> | undefined;
  const make = async (): Promise<void> => {
    log("warn", "The disk is full: build cache and old sources are removed");
    const tell = (error: unknown): void => log("warn", "Making room failed", { error: String(error) });
    await cleanSources().catch(tell);
    const signal = AbortSignal.timeout(BUILDER_PRUNE_MS_MAX);
    await run(pruneArgv(buildctl), { env, signal }).catch(tell);
  };
  return async () => {
    making ??= make().finally(() => (making = undefined));
    return making;
  };
}
