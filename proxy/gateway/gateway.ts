/** The gateway put together: listeners, routes of all trees, certificates. */
import type { Clock } from "../../core/host/clock.ts";
import { serveHealth } from "../../core/host/health-server.ts";
import type { Certificate } from "../../core/host/certificate.ts";
import type { Log } from "../../core/host/log.ts";
import type { GatewayConfig } from "../../core/gateway-config.ts";
import type { ServerAddress } from "../../core/sidecar-config.ts";
import { GATEWAY_CERTIFICATE_MS } from "../../core/limits.ts";
import type { Answer } from "../http/answer.ts";
import type { ExchangePolicy, Forward } from "../http/exchange.ts";
import { serveEitherVersion } from "../http2/either-version.ts";
import { listen } from "../tcp/listen.ts";
import { authorityOf } from "../http/request-head.ts";
import type { Wire } from "../tcp/wire.ts";
import { followFeed } from "../routing/feed.ts";
import { Routes } from "../routing/routes.ts";
import { Certificates } from "./certificates.ts";
import { type Arrival, decideFromOutside, type Door } from "./decide.ts";
import { formatMetrics, type GatewayCounters } from "./metrics.ts";
import { listenTls } from "./tls-listener.ts";

export interface GatewayOptions {
  readonly config: GatewayConfig;
  readonly controller: ServerAddress;
  /** PEM of our certificate authority. */
  readonly ca: string;
  readonly token: () => Promise<string>;
  /** The default certificate as it is now; `undefined` where there is none. */
  readonly certificate: () => Promise<Certificate | undefined>;
  readonly ports: GatewayPorts;
  readonly clock: Clock;
  readonly log: Log;
  /** Not ready any more; connections are still accepted. */
  readonly leaving: AbortSignal;
  /** Ends listeners, feed and idle connections; the others end behind what they have begun. */
  readonly signal: AbortSignal;
}

export interface GatewayPorts {
  readonly http: number;
  readonly https: number;
  readonly health: number;
}

/** Resolves with the ports once all listen. Rejects when one cannot be had. */
export async function runGateway(options: GatewayOptions): Promise<GatewayPorts> {
  const { config, clock, log, signal, leaving } = options;
  const routes = new Routes();
  const certificates = new Certificates();
  const counters: GatewayCounters = { connections: 0, requests: 0, unknown: 0 };
  const door: Door = { ...config, table: routes.table };
  const serve = (client: Wire, arrival: Arrival): void => {
    counters.connections += 1;
    serveEitherVersion({ client, policy: policyOf({ door, routes, counters }, arrival), leaving: signal });
  };
  await keepCertificate(options, certificates);
  const http = listen({
    port: options.ports.http,
    accept: (client, _fd, peer) => serve(client, { scheme: "http", peer: plainAddress(peer()) }),
  });
  const https = await listenTls({
    port: options.ports.https,
    contextFor: (name) => certificates.find(routes.table.ingresses, name),
    accept: (client, peer) => serve(client, { scheme: "https", peer: plainAddress(peer()) }),
  });
  const health = await serveHealth(
    options.ports.health,
    () => [...(routes.ready ? [] : ["routes"]), ...(leaving.aborted ? ["shutdown"] : [])],
    () => formatMetrics(counters),
  );
  const stop = (): void => {
    http.stop();
    https.stop();
    void health.close();
  };
  signal.addEventListener("abort", stop, { once: true });
  const apply = routes.apply.bind(routes);
  void followFeed({ controller: options.controller, ca: options.ca, token: options.token, apply, clock, log, signal });
  log("info", "The gateway listens", { http: http.port, https: https.port });
  return { http: http.port, https: https.port, health: health.port };
}

interface Serving {
  readonly door: Door;
  readonly routes: Routes;
  readonly counters: GatewayCounters;
}

function policyOf({ door, routes, counters }: Serving, arrival: Arrival): ExchangePolicy {
  return {
    decide: (head) => {
      counters.requests += 1;
      const decide = (): Forward | Answer => {
        const decision = decideFromOutside(door, arrival, head);
        if (decision.kind === "answer" && decision.status === 404) counters.unknown += 1;
        return decision;
      };
      return routes.ready ? decide() : routes.first().then(decide);
    },
    unreachable: (head) => ({
      kind: "answer",
      status: 502,
      text: `No pod of ${authorityOf(head) ?? "this host"} accepts connections\n`,
    }),
  };
}

/** Reads the default certificate now and then every GATEWAY_CERTIFICATE_MS: the kubelet renews the mounted Secret in place. */
async function keepCertificate(options: GatewayOptions, certificates: Certificates): Promise<void> {
  const { certificate, clock, log, signal } = options;
  const read = async (): Promise<void> => {
    try {
      const found = await certificate();
      if (found !== undefined) certificates.setDefault(found);
    } catch (error) {
      log("warn", "The TLS certificate cannot be used; the last one stays", { error: String(error) });
    }
  };
  await read();
  void (async () => {
    while (!signal.aborted) {
      await clock.sleep(GATEWAY_CERTIFICATE_MS, signal).catch(() => undefined);
      await read();
    }
  })();
}

/** IPv4 as such where the kernel shows it as IPv6 (RFC 4291 §2.5.5.2). */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
