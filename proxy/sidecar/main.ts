/** `__proxy`: the sidecar of one pod. */
import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { ENV, PORT, PROGRAM, TOKEN_FILE } from "../../core/contract.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { parseSidecarConfig, type SidecarConfig } from "../../core/sidecar-config.ts";
import { linger } from "./linger.ts";
import { openOriginalDestination } from "./original-destination.ts";
import { atTimes, openCodeRelease } from "./resident-code.ts";
import { runSidecar } from "./sidecar.ts";

/** Runs until SIGTERM and the application's end. 0 then; 1 when it cannot start. */
export async function main(_argv: readonly string[]): Promise<number> {
  // `process.stderr` would load Node's streams: 3 MiB in every pod.
  const log = jsonLog((line) => void writeSync(2, line), PROGRAM.proxy);
  // A fault in one connection must not take the network from the whole pod.
  process.on("uncaughtException", (error) => log("error", "Uncaught exception", { error: describe(error) }));
  process.on("unhandledRejection", (reason) => log("error", "Unhandled rejection", { error: describe(reason) }));
  const stop = new AbortController();
  const terminated = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  try {
    const env = process.env;
    const config = parseSidecarConfig(env[ENV.sidecar] ?? "");
    const ips = (env[ENV.podIps] ?? "").split(",").filter((ip) => ip !== "");
    runSidecar({
      config,
      ips,
      originalDestination: openOriginalDestination(),
      releaseCode: atTimes(systemClock, openCodeRelease()),
      token: () => readFile(TOKEN_FILE, "utf8"),
      clock: systemClock,
      log,
      signal: stop.signal,
    });
    await startBuildTunnel(config, log, stop.signal);
  } catch (error) {
    log("error", "The sidecar cannot start", { error: describe(error) });
    return 1;
  }
  await terminated;
  log("info", "Asked to stop; staying while the application uses the network");
  await linger({ clock: systemClock, sockets: readSockets });
  stop.abort();
  return 0;
}

/** Loaded in session pods only: TLS of Node's kind costs memory that other pods need not spend. */
async function startBuildTunnel(config: SidecarConfig, log: Log, signal: AbortSignal): Promise<void> {
  if (config.session === undefined) return;
  const { serveBuilderTunnel } = await import("../../core/host/builder-tunnel.ts");
  await serveBuilderTunnel({
    port: PORT.build,
    builder: config.builder,
    ca: config.ca,
    tokenFile: TOKEN_FILE,
    signal,
    log,
  });
}

async function readSockets(): Promise<readonly string[]> {
  // A node without IPv6 has no tcp6.
  return Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/self/net/${name}`, "utf8").catch(() => "")));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
