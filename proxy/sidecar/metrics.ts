/** Counters of one sidecar, in the text format of Prometheus (version 0.0.4). */

const HELP = {
  connections: "Connections accepted",
  relayed: "Connections passed on as they are",
  refused: "Connections to a port of the sidecar itself, or not redirected",
  requests: "HTTP requests read",
  routed: "Requests sent to another space than their destination's",
  forwarded: "Requests that came to this pod and went on to a nearer one",
  unknownSpace: "Requests whose header names no space of this tree",
} as const satisfies Readonly<Record<string, string>>;

export type Counters = Record<keyof typeof HELP, number>;

export function newCounters(): Counters {
  return { connections: 0, relayed: 0, refused: 0, requests: 0, routed: 0, forwarded: 0, unknownSpace: 0 };
}

export interface Gauges {
  /** Since the last message of the feed; `undefined` before the first. */
  readonly feedAgeMs: number | undefined;
  readonly redirected: boolean;
  /** Resident memory of this process, in bytes. */
  readonly residentBytes: number;
  readonly openConnections: number;
  /** File descriptors of this process. */
  readonly openFiles: number;
  /** Workers that this one came after in the same container. */
  readonly restarts: number;
}

export function formatMetrics(counters: Readonly<Counters>, gauges: Gauges): string {
  const totals = Object.entries(HELP).map(([name, help]) => {
    const value = Object.entries(counters).find(([counter]) => counter === name)?.[1] ?? 0;
    return { name: `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`, help, value };
  });
  const { feedAgeMs, redirected, residentBytes, openConnections, openFiles, restarts } = gauges;
  return [
    ...totals,
    { name: "worker_restarts_total", help: "Workers that ended and were replaced", value: restarts },
    { name: "open_connections", help: "Connections of clients that are open", value: openConnections },
    { name: "open_files", help: "File descriptors of the worker", value: openFiles },
    { name: "redirected", help: "Whether the pod's connections pass through here", value: redirected ? 1 : 0 },
    { name: "resident_memory_bytes", help: "Resident memory of the worker", value: residentBytes },
    ...(feedAgeMs === undefined
      ? []
      : [{ name: "feed_age_seconds", help: "Since the last message of the route feed", value: feedAgeMs / 1000 }]),
  ]
    .map(formatMetric)
    .join("");
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

/** By the name's end: what only grows is called `_total`. */
function formatMetric({ name, help, value }: Metric): string {
  const metric = `azds_proxy_${name}`;
  const type = name.endsWith("_total") ? "counter" : "gauge";
  return `# HELP ${metric} ${help}\n# TYPE ${metric} ${type}\n${metric} ${value}\n`;
}
