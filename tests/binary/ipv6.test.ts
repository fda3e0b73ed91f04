/** Redirect, original destination and routing in real networks of both families, with the executable's own programs. */
import { beforeAll, describe, expect, test } from "bun:test";
import { PORT } from "../../core/contract.ts";
import type { ServiceRecord } from "../../core/route-table.ts";
import { ensureBuilt } from "./executable.ts";
import { askInWorld, type Request, WORLD_TOOLS, type World } from "./network-world.ts";

beforeAll(ensureBuilt);

function web(namespace: string, ...ips: readonly string[]): ServiceRecord {
  const ports = [{ name: "http", port: 8080 }];
  return { namespace, name: "web", uid: namespace, ips, ports, endpoints: ips };
}

const IPV4 = { pod: "10.9.0.1", controller: "10.9.0.2", dev: "10.9.0.10", alice: "10.9.0.11" };
const IPV6 = { pod: "fd00:9::1", controller: "fd00:9::2", dev: "fd00:9::a", alice: "fd00:9::b" };
type Family = typeof IPV4;

function world(families: readonly Family[]): World {
  const prefix = (address: string): string => `${address}/${address.includes(":") ? 64 : 24}`;
  const named = (name: keyof Family): Readonly<Record<string, string>> =>
    Object.fromEntries(families.map((family) => [family[name], name]));
  return {
    pod: families.map(({ pod }) => prefix(pod)),
    peers: families.flatMap(({ controller, dev, alice }) => [controller, dev, alice].map(prefix)),
    controller: families.at(-1)?.controller ?? "",
    services: [web("dev", ...families.map(({ dev }) => dev)), web("alice", ...families.map(({ alice }) => alice))],
    servers: { pod: named("pod"), peers: { ...named("dev"), ...named("alice") } },
    requests: [...families.flatMap(requestsOf), ...families.map(metricsOf)],
  };
}

function urlOf(address: string, port: number = 8080): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}/`;
}

function requestsOf({ pod, dev }: Family): readonly Request[] {
  return [
    { from: "peers", url: urlOf(pod) },
    { from: "pod", url: urlOf(dev) },
    { from: "pod", url: urlOf(dev), routeAs: "alice" },
  ];
}

function metricsOf({ pod }: Family): Request {
  return { from: "peers", url: `${urlOf(pod, PORT.admin)}metrics` };
}

/** The application is reached by its sidecar, which has the pod's address; and so are the peers. */
function answersOf({ pod }: Family): readonly string[] {
  return [`pod saw ${pod}`, `dev saw ${pod}`, `alice saw ${pod}`];
}

describe.skipIf(!WORLD_TOOLS)("a pod with its sidecar", () => {
  test.each([
    ["IPv4 alone", [IPV4]],
    ["IPv6 alone", [IPV6]],
    ["both families", [IPV4, IPV6]],
  ])(
    "that has %s is entered and left through it, and routed by header within the family",
    async (_, families) => {
      const answers = await askInWorld(world(families));
      expect(answers.slice(0, 3 * families.length)).toEqual(families.flatMap(answersOf));
      for (const metrics of answers.slice(3 * families.length)) {
        expect(metrics).toContain(`azds_proxy_connections_total ${3 * families.length} |`);
        expect(metrics).toContain(`azds_proxy_routed_total ${families.length} |`);
        expect(metrics).toContain("azds_proxy_refused_total 0 |");
      }
    },
    60_000,
  );
});
