/** `__proxy-worker`: what the sidecar of one pod does, on sockets that its supervisor holds. */
import { dlopen, FFIType } from "bun:ffi";
import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { ENV, PORT, PROGRAM, TOKEN_FILE } from "../../core/contract.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { canonicalAddress } from "../../core/ip-address.ts";
import { parseSidecarConfig, type SidecarConfig } from "../../core/sidecar-config.ts";
import { eventLoop } from "../tcp/process-loop.ts";
import { askNode } from "./ask-node.ts";
import { linger } from "./linger.ts";
import { INHERITED_SOCKETS } from "./listening-sockets.ts";
import { openOriginalDestination } from "./original-destination.ts";
import { atTimes, openCodeRelease } from "./resident-code.ts";
import { runSidecar } from "./sidecar.ts";

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/**
 * Words: how many workers there were before, and `--stopping` where the sidecar has been asked to stop already.
 * Runs until SIGTERM and the application's end. 0 then; 1 when it cannot start.
 */
export async function main([restarts = "0", ...flags]: readonly string[]): Promise<number> {
  // `process.stderr` would load Node's streams: 3 MiB in every pod.
  const log = jsonLog((line) => void writeSync(2, line), PROGRAM.proxyWorker);
  // A fault in one connection must not take the network from the whole pod.
  process.on("uncaughtException", (error) => log("error", "Uncaught exception", { error: describe(error) }));
  process.on("unhandledRejection", (reason) => log("error", "Unhandled rejection", { error: describe(reason) }));
  const stop = new AbortController();
  const terminated = new Promise<void>((resolve) => {
    if (flags.includes("--stopping")) resolve();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  try {
    dieWithSupervisor();
    const env = process.env;
    const config = parseSidecarConfig(env[ENV.sidecar] ?? "");
    const ips = (env[ENV.podIps] ?? "")
      .split(",")
      .filter((ip) => ip !== "")
      .map(canonicalAddress);
    runSidecar({
      config,
      ips,
      sockets: INHERITED_SOCKETS,
      restarts: Number(restarts),
      originalDestination: openOriginalDestination(eventLoop().libc),
      releaseCode: atTimes(systemClock, openCodeRelease()),
      token: () => readFile(TOKEN_FILE, "utf8"),
      clock: systemClock,
      log,
      signal: stop.signal,
    });
    await startBuildTunnel(config, log, stop.signal);
    await terminated;
    log("info", "Asked to stop; staying while the application runs");
    const running = async (waitMs: number): Promise<boolean> => {
      const token = (await readFile(TOKEN_FILE, "utf8")).trim();
      // A builder of an older version knows no such question.
      return (await askNode(config, token, { kind: "running", waitMs })).running ?? true;
    };
    await linger({ clock: systemClock, running, sockets: readSockets });
    stop.abort();
    return 0;
  } catch (error) {
    log("error", "The sidecar cannot start", { error: describe(error) });
    return 1;
  }
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

/** Where containers of a pod share their processes, nobody else would end a worker whose supervisor was killed. */
function dieWithSupervisor(): void {
  const { i32, u64 } = FFIType;
  const libc = dlopen("libc.so.6", { prctl: { args: [i32, u64, u64, u64, u64], returns: i32 } });
  libc.symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

async function readSockets(): Promise<readonly string[]> {
  // A node without IPv6 has no tcp6.
  return Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/self/net/${name}`, "utf8").catch(() => "")));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
