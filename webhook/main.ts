/** `__webhook`: changes pods of spaces as they are created, and records who made a space. */
import { PROGRAM, SERVER_PORT } from "../core/contract.ts";
import { systemClock } from "../core/host/clock.ts";
import { jsonLog } from "../core/host/log.ts";
import { createKubeClient } from "../core/kube/client.ts";
import { inClusterConnection } from "../core/kube/in-cluster.ts";
import { startWebhook } from "./serve.ts";
import { parseSettings, SETTINGS_VARIABLE } from "./settings.ts";

/** Runs until SIGTERM or SIGINT. Returns the exit code: 0 when it was asked to stop, 1 when it cannot go on. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.webhook);
  const { promise: end, resolve: stop, reject: fail } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop());
  try {
    await using webhook = await startWebhook({
      kube: createKubeClient(await inClusterConnection(process.env)),
      settings: parseSettings(process.env[SETTINGS_VARIABLE] ?? ""),
      ports: { admission: SERVER_PORT.webhook, health: SERVER_PORT.health },
      clock: systemClock,
      log,
      onFailure: fail,
    });
    log("info", "Serving", webhook.ports);
    await end;
    return 0;
  } catch (error) {
    log("error", "The webhook stopped", { error: String(error) });
    return 1;
  }
}
