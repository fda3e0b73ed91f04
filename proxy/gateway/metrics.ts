/** Counters of one gateway, in the text format of Prometheus (version 0.0.4). */

const HELP = {
  connections: "Connections accepted",
  requests: "HTTP requests read",
  unknown: "Requests for a host that leads nowhere",
} as const satisfies Readonly<Record<string, string>>;

export type GatewayCounters = Record<keyof typeof HELP, number>;

export function formatMetrics(counters: Readonly<GatewayCounters>): string {
  const { connections, requests, unknown } = counters;
  return Object.entries({ connections, requests, unknown })
    .map(([name, value]) => {
      const metric = `azds_gateway_${name}_total`;
      const help = Object.entries(HELP).find(([counter]) => counter === name)?.[1] ?? "";
      return `# HELP ${metric} ${help}\n# TYPE ${metric} counter\n${metric} ${value}\n`;
    })
    .join("");
}
