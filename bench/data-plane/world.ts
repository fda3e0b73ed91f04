/** What the measured sidecar is told: a tree of spaces with Services, of which the requests go to one. */
import { COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { FEED_PING_MS } from "../../core/limits.ts";
import { FEED_PATH, type FeedMessage, type ServicePort, type ServiceRecord } from "../../core/route-table.ts";
import { formatSidecarConfig } from "../../core/sidecar-config.ts";
import { UPSTREAM_PORT } from "./places.ts";
import { issueServer, makeAuthority } from "../../controller/certificates/pki.ts";

/** Of the pod that holds the sidecar; nothing is dialled there. */
export const POD_IP = "10.244.0.9";
/** Every connection is for this port of the address that was dialled. */
export const DESTINATION_PORT = UPSTREAM_PORT.http;

const ROOT_SPACE = "dev";
/** The space that requests carry in their header: the Service's version there answers them. */
export const REQUEST_SPACE = "space-7";
const SPACES = 20;
const SERVICES_PER_SPACE = 20;
const SERVER_NAME = `${COMPONENT.controller}.${SYSTEM_NAMESPACE}.svc`;

/** A Service by the loopback address that stands for its cluster IP. */
export interface Destination {
  readonly ip: string;
  readonly name: string;
  readonly hint: NonNullable<ServicePort["hint"]>;
  /** Port on 127.0.0.1 of the server that is the Service's version in REQUEST_SPACE. */
  readonly target: number;
}

export interface Controller {
  /** Value of `ENV.sidecar`. */
  readonly config: string;
  readonly stop: () => void;
}

/** A controller that tells one snapshot and then pings. */
export async function startController(destinations: readonly Destination[]): Promise<Controller> {
  const authority = await makeAuthority(Date.now());
  const { cert, key } = await issueServer(authority, [SERVER_NAME], Date.now());
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert, key },
    idleTimeout: 0,
    routes: { [FEED_PATH]: () => new Response(feedOf(snapshotOf(destinations))) },
  });
  const address = { address: "127.0.0.1", port: server.port ?? 0, serverName: SERVER_NAME };
  const config = formatSidecarConfig({
    version: 1,
    space: ROOT_SPACE,
    ancestors: [],
    controller: address,
    builder: address,
    ca: authority.cert,
    opaquePorts: [],
    redirect: "init",
    skipInboundPorts: [],
    skipOutboundPorts: [],
    probes: [],
    hostSuffix: ".azds.localhost",
  });
  return { config, stop: () => void server.stop(true) };
}

function feedOf(snapshot: FeedMessage): ReadableStream<Uint8Array> {
  const line = (message: FeedMessage): Uint8Array => new TextEncoder().encode(`${JSON.stringify(message)}\n`);
  let pings: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(line(snapshot));
      pings = setInterval(() => controller.enqueue(line({ type: "ping" })), FEED_PING_MS);
    },
    cancel: () => clearInterval(pings),
  });
}

function snapshotOf(destinations: readonly Destination[]): FeedMessage {
  const spaces = Array.from({ length: SPACES }, (_, i) => `space-${i}`);
  const others = [ROOT_SPACE, ...spaces].flatMap((namespace, i) =>
    Array.from({ length: SERVICES_PER_SPACE }, (_, j) =>
      serviceOf({ namespace, name: `svc-${j}` }, { ip: `10.96.${i}.${j}`, port: DESTINATION_PORT, hint: "http" }),
    ),
  );
  const asked = destinations.flatMap(({ name, ip, hint, target }) => [
    serviceOf({ namespace: ROOT_SPACE, name }, { ip, port: DESTINATION_PORT, hint }),
    // Its cluster IP is where the server itself listens: no kube-proxy is between.
    serviceOf({ namespace: REQUEST_SPACE, name }, { ip: "127.0.0.1", port: target, hint }),
  ]);
  return {
    type: "snapshot",
    version: { replica: "bench", counter: 1 },
    spaces: [{ name: ROOT_SPACE }, ...spaces.map((name) => ({ name, parent: ROOT_SPACE }))],
    services: [...others, ...asked],
  };
}

interface Place {
  readonly ip: string;
  readonly port: number;
  readonly hint: Destination["hint"];
}

function serviceOf(
  { namespace, name }: Pick<ServiceRecord, "namespace" | "name">,
  { ip, port, hint }: Place,
): ServiceRecord {
  // The ports of two versions of a Service are matched by their names.
  const ports = [{ name: "main", port, hint }];
  return { namespace, name, uid: `${namespace}-${name}`, ips: [ip], ports, endpoints: ["127.0.0.1"] };
}
