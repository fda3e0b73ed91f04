/** The controller as a whole: what it watches, serves and, as leader, keeps true. */
import { COMPONENT, SPACE_LABEL } from "../core/contract.ts";
import { tlsSecretName, watchCertificate } from "../core/host/certificate.ts";
import type { Clock } from "../core/host/clock.ts";
import { serveHealth } from "../core/host/health-server.ts";
import type { Log } from "../core/host/log.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { RECONNECT_MS_MAX, RECONNECT_MS_MIN } from "../core/limits.ts";
import { aborted } from "./aborted.ts";
import { ensureCertificates, trustAuthority, WEBHOOK_CONFIGURATION_WATCH } from "./certificates/certificates.ts";
import { FeedHub } from "./feed/hub.ts";
import { serveFeed, type FeedServer } from "./feed/server.ts";
import { tokenReviewer } from "./feed/token-review.ts";
import { RouteIndex, type WatchedKind } from "./index/route-index.ts";
import { takePart } from "./leader.ts";
import { keepIngressTable } from "./ingress/ingress-table.ts";
import { Bell } from "./reconcile/bell.ts";
import { lead } from "./reconcile/lead.ts";
import { redirectEvents } from "./redirect-events.ts";

const WATCHES: Readonly<Record<WatchedKind, string>> = {
  namespaces: `/api/v1/namespaces?labelSelector=${encodeURIComponent(`${SPACE_LABEL}=true`)}`,
  services: "/api/v1/services",
  slices: "/apis/discovery.k8s.io/v1/endpointslices",
  ingresses: "/apis/networking.k8s.io/v1/ingresses",
};

const KINDS = ["namespaces", "services", "slices", "ingresses"] as const;

export interface ControllerOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Unlike that of every other replica and of this one's predecessors. */
  readonly identity: string;
  /** In [0, 1). */
  readonly random: () => number;
  /** 0 takes any free port. */
  readonly ports: { readonly feed: number; readonly health: number };
  /** Secret in our namespace that each space gets as PULL_SECRET; empty: none. */
  readonly pullSecret: string;
  /** Called once both servers listen. */
  readonly onListening?: (ports: { readonly feed: number; readonly health: number }) => void;
}

/** Runs until the signal. Rejects when a port cannot be had or a watch is refused. */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { kube, clock, log } = options;
  const index = new RouteIndex();
  const synced = Promise.withResolvers<void>();
  const feed = await serveFeed({
    port: options.ports.feed,
    hub: new FeedHub(index, options.identity),
    review: tokenReviewer(kube, clock),
    synced: synced.promise,
    onRedirect: redirectEvents(kube, { clock, log }),
    log,
  });
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const waitingFor = new Set(["routes", "certificate"]);
  const health = await serveHealth(options.ports.health, () => [...waitingFor, ...(stop.aborted ? ["shutdown"] : [])]);
  options.onListening?.({ feed: feed.port, health: health.port });
  watchCertificate(kube, tlsSecretName(COMPONENT.controller), {
    onChange: (certificate) => {
      feed.reload(certificate);
      waitingFor.delete("certificate");
    },
    signal: stop,
  });
  const onSynced = (): void => {
    waitingFor.delete("routes");
    synced.resolve();
  };
  const bell = new Bell();
  const ingressBell = new Bell();
  const parts = [
    ...KINDS.map(async (kind) =>
      follow(options, { kind, index, feed, bell, onSynced, onIngress: () => ingressBell.ring() }, stop),
    ),
    keepCertified(options, stop),
    keepIngressTable(
      { kube, index, bell: ingressBell, clock, log, synced: synced.promise, changed: feed.changed },
      stop,
    ),
    takePart(
      { ...options, lead: async (term) => lead({ ...options, index, bell, synced: synced.promise }, term) },
      stop,
    ),
    // Clients find another replica while this one still gives leadership back.
    aborted(stop).then(feed.close),
  ];
  try {
    await Promise.all(parts);
  } finally {
    failure.abort();
    await Promise.allSettled(parts);
    await health.close();
  }
}

/** Every other part of the installation waits for the certificates, so this comes first and needs no leader. */
async function keepCertified(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { kube, clock, log } = options;
  await insist(options, signal, async () => ensureCertificates(kube, { now: clock.now(), renew: false }));
  log("info", "Certificates are in place");
  for await (const event of kube.watch(WEBHOOK_CONFIGURATION_WATCH, signal)) {
    if (event.type !== "added" && event.type !== "modified") continue;
    await insist(options, signal, async () => trustAuthority(kube));
  }
}

interface Following {
  readonly kind: WatchedKind;
  readonly index: RouteIndex;
  readonly feed: FeedServer;
  readonly bell: Bell;
  readonly onSynced: () => void;
  readonly onIngress: () => void;
}

async function follow(options: ControllerOptions, following: Following, signal: AbortSignal): Promise<void> {
  const { kind, index, feed, bell } = following;
  for await (const event of options.kube.watch(WATCHES[kind], signal)) {
    const changed = index.apply(kind, event);
    if (event.type === "synced" && index.synced) following.onSynced();
    if (!changed) continue;
    feed.changed();
    if (kind === "namespaces" || kind === "ingresses") bell.ring();
    if (kind === "ingresses") following.onIngress();
  }
}

/** Repeats `act`, each time after a longer pause, until it succeeds or the signal is aborted. */
async function insist(options: ControllerOptions, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  for (let pause = RECONNECT_MS_MIN; !signal.aborted; pause = Math.min(pause * 2, RECONNECT_MS_MAX)) {
    try {
      await act();
      return;
    } catch (error) {
      options.log("warn", "Certificates are not in place yet", { error: String(error) });
    }
    await options.clock.sleep(pause, signal).catch(() => undefined);
  }
}
