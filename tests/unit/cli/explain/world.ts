/** A small tree with its pods, to ask for ways in: dev ← alice ← tiny, dev ← bob. */
import { parseAddress } from "../../../../cli/explain/address.ts";
import { explain } from "../../../../cli/explain/explain.ts";
import type { Explanation } from "../../../../cli/explain/explanation.ts";
import type { Question } from "../../../../cli/explain/question.ts";
import type { PodFacts, ServiceFacts, SpaceFacts } from "../../../../cli/explain/space-facts.ts";
import { podView } from "../../../../cli/engine/pods/pod-view.ts";
import { type Ingress, parseIngress } from "../../../../core/ingress.ts";
import type { ServiceRecord } from "../../../../core/route-table.ts";
import { RouteTable } from "../../../../core/routing.ts";
import { sidecarConfig, snapshot } from "../../proxy/raw-peers.ts";

export function service(namespace: string, name: string, over: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    namespace,
    name,
    uid: `${namespace}/${name}`,
    ips: [],
    ports: [{ name: "http", port: 80, target: 8080, hint: "http" }],
    endpoints: [],
    ...over,
  };
}

export const SERVICES: readonly ServiceRecord[] = [
  service("dev", "web", { ips: ["10.96.0.1"], endpoints: ["10.0.0.1"] }),
  service("alice", "web", { ips: ["10.96.0.2"], endpoints: ["10.0.0.2"] }),
  service("dev", "api", { ips: ["10.96.0.3"], endpoints: ["10.0.0.3"] }),
  service("tiny", "api", { ips: ["10.96.0.4"] }),
  service("dev", "pinned", { ips: ["10.96.0.5"], endpoints: ["10.0.0.5"], pinned: true }),
  service("dev", "db", {
    ips: ["10.96.0.6"],
    endpoints: ["10.0.0.1"],
    ports: [{ name: "mysql", port: 3306, hint: "opaque" }],
  }),
  service("dev", "nodes", { endpoints: ["10.0.0.7", "10.0.0.8"], ports: [{ name: "http", port: 8080 }] }),
  service("dev", "admin", { ips: ["10.96.0.7"], endpoints: ["10.0.0.3"] }),
  service("dev", "empty", { ips: ["10.96.0.9"] }),
  service("bob", "api", { ips: ["10.96.0.10"], endpoints: ["10.0.0.10"] }),
];

export interface PodPlan {
  readonly name: string;
  readonly ip: string;
  readonly app?: string;
  readonly isReady?: boolean;
  readonly config?: Partial<ReturnType<typeof sidecarConfig>>;
  readonly isBare?: boolean;
}

export function pod(namespace: string, { name, ip, app = name, isReady = true, config, isBare }: PodPlan): PodFacts {
  const view = podView({
    metadata: { name, namespace, uid: name, labels: { app } },
    status: { phase: "Running", conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] },
  });
  const sidecar = { namespace, pod: name, config: { ...sidecarConfig(), space: namespace, ...config } };
  return {
    name,
    namespace,
    addresses: [ip],
    view,
    status: isReady ? "Ready" : "CrashLoopBackOff",
    sidecar: isBare === true ? undefined : sidecar,
    skipped: undefined,
  };
}

export function serviceFacts(namespace: string, name: string, externalName?: string): ServiceFacts {
  return { name, namespace, externalName, owns: ({ labels }) => labels["app"] === name };
}

export function ingress(namespace: string, host: string, over: object = {}): readonly Ingress[] {
  const found = parseIngress({
    metadata: { name: "shop", namespace },
    spec: {
      ingressClassName: "azds",
      rules: [{ host, http: { paths: [{ path: "/", backend: { service: { name: "web", port: { number: 80 } } } }] } }],
      ...over,
    },
  });
  return found === undefined ? [] : [found];
}

const NO_ENTRY = { ingresses: [], httpRoutes: [], gateways: new Map<string, never>(), labels: undefined } as const;

/** `bob` may not be read. */
const FACTS: Readonly<Record<string, SpaceFacts>> = {
  dev: {
    pods: [
      pod("dev", { name: "web-1", ip: "10.0.0.1", app: "web" }),
      pod("dev", { name: "api-1", ip: "10.0.0.3", app: "api" }),
      pod("dev", { name: "empty-1", ip: "10.0.0.6", app: "empty", isReady: false }),
      pod("dev", { name: "pinned-1", ip: "10.0.0.5" }),
      pod("dev", { name: "nodes-0", ip: "10.0.0.7", app: "nodes" }),
      pod("dev", { name: "nodes-1", ip: "10.0.0.8", app: "nodes" }),
    ],
    services: [
      ...["web", "api", "empty"].map((name) => serviceFacts("dev", name)),
      serviceFacts("dev", "alias", "web.dev.svc.cluster.local"),
      serviceFacts("dev", "away", "example.com"),
    ],
    ...NO_ENTRY,
  },
  alice: {
    pods: [pod("alice", { name: "web-2", ip: "10.0.0.2", app: "web" })],
    services: [],
    ...NO_ENTRY,
  },
  tiny: {
    pods: [pod("tiny", { name: "api-2", ip: "10.0.0.4", app: "api", isReady: false })],
    services: [serviceFacts("tiny", "api")],
    ...NO_ENTRY,
  },
  other: { pods: [], services: [serviceFacts("other", "shop")], ...NO_ENTRY },
};

export interface Ask {
  readonly caller?: string;
  readonly header?: string;
  readonly baggage?: string;
  readonly trustsHeader?: boolean;
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly facts?: Readonly<Record<string, SpaceFacts>>;
}

export function question(
  url: string,
  { caller = "dev", header, baggage, trustsHeader = false, method = "GET", fields = {}, facts = FACTS }: Ask = {},
): Question {
  const table = new RouteTable();
  table.apply(snapshot(SERVICES));
  return {
    address: parseAddress(url),
    method,
    fields: {
      ...fields,
      ...(header === undefined ? {} : { "azds-route-as": header }),
      ...(baggage === undefined ? {} : { baggage }),
    },
    caller,
    header,
    baggage,
    routes: { table, sidecar: { namespace: caller, pod: "web-1", config: sidecarConfig() } },
    gateway: { hostSuffix: ".gw.test", isThere: true, trustsHeader },
    facts: new Map(Object.entries(facts)),
  };
}

export function factsWith(over: Readonly<Record<string, Partial<SpaceFacts>>>): Readonly<Record<string, SpaceFacts>> {
  const none: SpaceFacts = { pods: [], services: [], ...NO_ENTRY };
  const changed = Object.entries(over).map(([space, part]) => [space, { ...(FACTS[space] ?? none), ...part }] as const);
  return { ...FACTS, ...Object.fromEntries(changed) };
}

export function way(url: string, ask: Ask = {}): Explanation {
  return explain(question(url, ask));
}

/** `<service> <reason>: <pods>` */
export function short({ answer, reason, pods }: Explanation): string {
  return `${answer?.service ?? "-"} ${reason}: ${pods.map(({ name, address }) => name || address).join(" ")}`;
}
