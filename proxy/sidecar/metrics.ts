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

/** @param feedAgeMs since the last message of the feed; absent before the first */
export function formatMetrics(counters: Readonly<Counters>, feedAgeMs: number | undefined): string {
  const lines = Object.entries(HELP).flatMap(([name, help]) => {
    const metric = `azds_proxy_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
    const value = Object.entries(counters).find(([counter]) => counter === name)?.[1] ?? 0;
    return [`# HELP ${metric} ${help}`, `# TYPE ${metric} counter`, `${metric} ${value}`];
  });
  if (feedAgeMs !== undefined) {
    const metric = "azds_proxy_feed_age_seconds";
    lines.push(
      `# HELP ${metric} Since the last message of the route feed`,
      `# TYPE ${metric} gauge`,
      `${metric} ${feedAgeMs / 1000}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
