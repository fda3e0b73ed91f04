/** The sidecar put together: listeners, routes, feed. */
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { PORT } from "../../core/contract.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import { AGENT_ANSWER_MS_MAX } from "../../core/limits.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";
import { listen, type Listening } from "../tcp/listen.ts";
import type { Wire } from "../tcp/wire.ts";
import { acceptAdmin } from "./admin.ts";
import { askNode } from "./ask-node.ts";
import { acceptEnter } from "./enter.ts";
import { followFeed } from "../routing/feed.ts";
import { acceptInbound } from "./inbound.ts";
import { formatMetrics, newCounters } from "./metrics.ts";
import type { SidecarSockets } from "./listening-sockets.ts";
import type { OriginalDestination } from "./original-destination.ts";
import { acceptOutbound } from "./outbound.ts";
import type { Pod } from "./pod.ts";
import { keepAsking, type Redirect, REDIRECTED, tellController } from "./redirect.ts";
import { Routes } from "../routing/routes.ts";
import { openTracePort } from "../trace/accept-traces.ts";
import { secretNames } from "../trace/format-record.ts";
import { Trace } from "../trace/trace.ts";

export interface SidecarOptions {
  readonly config: SidecarConfig;
  readonly ips: readonly string[];
  /** Listening already; absent: the ports of the contract are opened. */
  readonly sockets?: SidecarSockets;
  /** Workers before this one. */
  readonly restarts?: number;
  readonly originalDestination: OriginalDestination;
  readonly token: () => Promise<string>;
  /** Called with each message of the feed, the first of which ends the start. */
  readonly releaseCode: () => void;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends listeners and feed; connections end by themselves. */
  readonly signal: AbortSignal;
}

/** @throws Error when a port cannot be had */
export function runSidecar(options: SidecarOptions): void {
  const { config, sockets, clock, log, signal } = options;
  const routes = new Routes();
  const counters = newCounters();
  const trace = new Trace();
  const pod: Pod = {
    config,
    ips: options.ips,
    routes,
    counters,
    originalDestination: options.originalDestination,
    trace,
  };
  let heard: number | undefined;
  const redirect = redirectOf(options);
  const admin = {
    ready: () => routes.ready,
    redirected: redirect.made,
    metrics: () =>
      formatMetrics(counters, {
        feedAgeMs: heard === undefined ? undefined : clock.now() - heard,
        redirected: redirect.made(),
        residentBytes: process.memoryUsage.rss(),
        openConnections: listeners.reduce((sum, listener) => sum + listener.open(), 0),
        openFiles: readdirSync("/proc/self/fd").length,
        restarts: options.restarts ?? 0,
      }) + trace.metrics.format(),
    probes: config.probes,
    probing: {
      address: options.ips[0] ?? "127.0.0.1",
      askAgent: async () => (await import("./ask-agent.ts")).askAgent(PORT.agent, AGENT_ANSWER_MS_MAX),
    },
  };
  const traces = openTracePort({
    trace,
    routes: () => routes.table.snapshot,
    secrets: secretNames(config.redact ?? []),
    run: randomUUID(),
  });
  const listeners = openListeners(pod, { sockets, admin: (client) => acceptAdmin(admin, client), traces });
  signal.addEventListener("abort", () => listeners.forEach((listener) => listener.stop()), { once: true });
  log("info", "The sidecar listens", { space: config.space });
  void followFeed({
    controller: config.controller,
    ca: config.ca,
    token: options.token,
    apply: (message) => {
      heard = clock.now();
      const continued = routes.apply(message);
      options.releaseCode();
      return continued;
    },
    clock,
    log,
    signal,
  });
}

interface Doors {
  readonly sockets: SidecarSockets | undefined;
  readonly admin: (client: Wire) => void;
  readonly traces: (client: Wire) => void;
}

function openListeners(pod: Pod, { sockets, admin, traces }: Doors): readonly Listening[] {
  const outbound = acceptOutbound(pod);
  const inbound = acceptInbound(pod);
  return [
    listen({ port: PORT.outbound, inherited: sockets?.outbound, accept: (client, fd) => outbound({ client, fd }) }),
    listen({
      port: PORT.inbound,
      inherited: sockets?.inbound,
      accept: (client, fd, peer) => inbound({ client, fd, peer }),
    }),
    listen({ port: PORT.admin, inherited: sockets?.admin, accept: admin }),
    listen({
      hostname: "127.0.0.1",
      port: PORT.enter,
      inherited: sockets?.enter,
      accept: acceptEnter(pod),
    }),
    listen({ hostname: "127.0.0.1", port: PORT.traces, inherited: sockets?.traces, accept: traces }),
  ];
}

function redirectOf({ config, token, clock, log, signal }: SidecarOptions): Redirect {
  if (config.redirect === "init") return REDIRECTED;
  return keepAsking({
    ask: async () => {
      const { skipInboundPorts, skipOutboundPorts } = config;
      await askNode(config, (await token()).trim(), { kind: "redirect", skipInboundPorts, skipOutboundPorts });
    },
    tell: async (note) =>
      tellController(config, (await token()).trim(), note).catch((error: unknown) =>
        log("warn", "The controller could not be told of the redirect", { error: String(error) }),
      ),
    clock,
    log,
    signal,
  });
}
