/** `__controller`: keeps what must hold while no laptop is there, and feeds routes to sidecars. */
import { stringEnvironment } from "../core/build-config.ts";
import { ENV, PROGRAM, SERVER_PORT } from "../core/contract.ts";
import { systemClock } from "../core/host/clock.ts";
import { jsonLog } from "../core/host/log.ts";
import { createKubeClient } from "../core/kube/client.ts";
import { inClusterConnection } from "../core/kube/in-cluster.ts";
import { runController } from "./controller.ts";

/** Runs until SIGTERM or SIGINT. Returns the exit code: 0 when it was asked to stop, 1 when it cannot go on. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.controller);
  const env = stringEnvironment(process.env);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  try {
    await runController(
      {
        kube: createKubeClient(await inClusterConnection(env)),
        clock: systemClock,
        log,
        identity: `${env[ENV.podName] ?? "controller"}.${Date.now().toString(36)}`,
        random: Math.random,
        pullSecret: env[ENV.pullSecret] ?? "",
        ports: { feed: SERVER_PORT.controller, health: SERVER_PORT.health },
      },
      stop.signal,
    );
    return 0;
  } catch (error) {
    log("error", "The controller stopped", { error: String(error) });
    return 1;
  }
}
