/** `__gateway`: entry from outside the cluster. */
import { readFile } from "node:fs/promises";
import {
  COMPONENT,
  ENV,
  GATEWAY_CA_FOLDER,
  GATEWAY_TLS_FOLDER,
  PROGRAM,
  SERVER_PORT,
  SYSTEM_NAMESPACE,
  TOKEN_FILE,
} from "../../core/contract.ts";
import { parseGatewayConfig } from "../../core/gateway-config.ts";
import { TLS_KEYS, type Certificate } from "../../core/host/certificate.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLog } from "../../core/host/log.ts";
import { GATEWAY_DRAIN_MS_MAX, GATEWAY_LEAVE_MS, LINGER_POLL_MS } from "../../core/limits.ts";
import { countConnections } from "./connections.ts";
import { runGateway } from "./gateway.ts";

/** Runs until SIGTERM, then until its connections are gone or GATEWAY_DRAIN_MS_MAX is over. 0 then; 1 when it cannot start. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.gateway);
  // A fault in one connection must not end the others.
  process.on("uncaughtException", (error) => log("error", "Uncaught exception", { error: String(error.stack) }));
  process.on("unhandledRejection", (reason) => log("error", "Unhandled rejection", { error: String(reason) }));
  const leaving = new AbortController();
  const stop = new AbortController();
  const terminated = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  try {
    const config = parseGatewayConfig(process.env[ENV.gateway] ?? "");
    await runGateway({
      config,
      controller: {
        address: config.controller,
        port: 443,
        serverName: `${COMPONENT.controller}.${SYSTEM_NAMESPACE}.svc`,
      },
      ca: await readFile(`${GATEWAY_CA_FOLDER}/ca.crt`, "utf8"),
      token: () => readFile(TOKEN_FILE, "utf8"),
      certificate: mountedCertificate,
      ports: { http: SERVER_PORT.gatewayHttp, https: SERVER_PORT.gatewayHttps, health: SERVER_PORT.health },
      clock: systemClock,
      log,
      leaving: leaving.signal,
      signal: stop.signal,
    });
  } catch (error) {
    log("error", "The gateway cannot start", { error: String(error) });
    return 1;
  }
  await terminated;
  leaving.abort();
  log("info", "Asked to stop; serving until nobody sends requests here any more");
  // Load balancers and kube-proxy learn of it a moment later.
  await systemClock.sleep(GATEWAY_LEAVE_MS);
  stop.abort();
  await drained();
  return 0;
}

async function drained(): Promise<void> {
  const until = systemClock.now() + GATEWAY_DRAIN_MS_MAX;
  const ports = [SERVER_PORT.gatewayHttp, SERVER_PORT.gatewayHttps];
  while (systemClock.now() < until) {
    const tables = await Promise.all(
      ["tcp", "tcp6"].map((name) => readFile(`/proc/self/net/${name}`, "utf8").catch(() => "")),
    );
    if (tables.every((table) => countConnections(table, ports) === 0)) return;
    await systemClock.sleep(LINGER_POLL_MS);
  }
}

/** Of the Secret that enabling named. */
async function mountedCertificate(): Promise<Certificate | undefined> {
  const [cert, key] = await Promise.all(
    [TLS_KEYS.cert, TLS_KEYS.key].map((name) =>
      readFile(`${GATEWAY_TLS_FOLDER}/${name}`, "utf8").catch(() => undefined),
    ),
  );
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
