/**
 * `__proxy`: the sidecar of one pod, as its supervisor. It holds the listening sockets and does nothing else, so that
 * what kills a worker, which reads what strangers send, refuses no connection: those that come meanwhile wait in the
 * kernel for the next worker.
 */
import { writeSync } from "node:fs";
import { ENV, PORT, PROGRAM } from "../../core/contract.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLog } from "../../core/host/log.ts";
import { SPAWN_SETTLED_MS, WORKER_ANSWER_MS_MAX, WORKER_MEMORY_BYTES } from "../../core/limits.ts";
import { parseSidecarConfig } from "../../core/sidecar-config.ts";
import { askAdmin } from "./ask-admin.ts";
import { openSidecarSockets } from "./listening-sockets.ts";
import { openCodeRelease } from "./resident-code.ts";
import { CANNOT_START, supervise, type Worker, type WorkerStart } from "./supervise.ts";

/** Runs until SIGTERM and the application's end. 0 then; 1 when it cannot start. */
export async function main(_argv: readonly string[]): Promise<number> {
  // `process.stderr` would load Node's streams: 3 MiB in every pod.
  const log = jsonLog((line) => void writeSync(2, line), PROGRAM.proxy);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());
  try {
    // Looked at here, since no other worker would do better.
    parseSidecarConfig(process.env[ENV.sidecar] ?? "");
    const sockets = openSidecarSockets();
    const releaseCode = openCodeRelease();
    return await supervise({
      start: (start) => {
        // Not before the start of the child has run, which needs it.
        void systemClock.sleep(SPAWN_SETTLED_MS).then(releaseCode);
        try {
          return startWorker(sockets, start);
        } catch (error) {
          log("error", "A worker could not be started", { error: String(error) });
          return NOT_STARTED;
        }
      },
      answers: async () => {
        const answer = await askAdmin(PORT.admin, "/healthz", WORKER_ANSWER_MS_MAX);
        releaseCode();
        return answer;
      },
      clock: systemClock,
      log,
      stop: stop.signal,
    });
  } catch (error) {
    log("error", "The sidecar cannot start", { error: error instanceof Error ? error.message : String(error) });
    return CANNOT_START;
  }
}

/** The node is out of processes or memory: that may pass, and what waits at the sockets need not be refused. */
const NOT_STARTED: Worker = { exited: Promise.resolve(126), kill: () => {} };

function startWorker(sockets: readonly number[], { restarts, stopping }: WorkerStart): Worker {
  const argv = [process.execPath, PROGRAM.proxyWorker, String(restarts), ...(stopping ? ["--stopping"] : [])];
  // The engine would take its share of all the node's memory before it collects.
  const env = { ...process.env, BUN_JSC_forceRAMSize: String(WORKER_MEMORY_BYTES) };
  const child = Bun.spawn(argv, { env, stdio: ["ignore", "inherit", "inherit", ...sockets] });
  return { exited: child.exited, kill: (signal) => child.kill(signal) };
}
