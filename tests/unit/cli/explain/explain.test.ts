import { describe, expect, test } from "bun:test";
import { outboundCandidates } from "../../../../core/routing.ts";
import { AzdsError } from "../../../../core/errors.ts";
import { factsWith, ingress, pod, question, SERVICES, short, way, type Ask } from "./world.ts";

function failure(url: string, ask: Ask = {}): string {
  try {
    way(url, ask);
  } catch (error) {
    if (error instanceof AzdsError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "explained";
}

function told(url: string, ask: Ask = {}): readonly string[] {
  return way(url, ask).steps.map(({ step, what, why }) => `${step}: ${what} (${why})`);
}

describe("explain() of what a pod asks for", () => {
  test.each([
    ["web", {}, "dev/web own-space: web-1"],
    ["http://web/cart", { header: "alice" }, "alice/web space: web-2"],
    ["web", { header: "bob" }, "dev/web space: web-1"],
    ["web", { baggage: "a=b,azds-route-as=alice" }, "alice/web space: web-2"],
    ["web", { header: "nobody" }, "dev/web own-space: web-1"],
    ["web", { caller: "tiny" }, "alice/web own-space: web-2"],
    ["web.dev", { caller: "tiny" }, "dev/web own-space: web-1"],
    ["web.dev.svc.cluster.local:80", { header: "tiny" }, "alice/web space: web-2"],
    ["api", { header: "tiny" }, "dev/api space: api-1"],
    ["api", { caller: "tiny" }, "dev/api own-space: api-1"],
    ["api.bob", { caller: "tiny" }, "bob/api as-dialled: 10.0.0.10"],
    ["pinned", { header: "alice" }, "dev/pinned pinned: pinned-1"],
    ["db:3306", { header: "alice" }, "dev/db opaque: web-1"],
    ["nodes:8080", {}, "dev/nodes own-space: nodes-0 nodes-1"],
    ["10.0.0.8:8080", {}, "dev/nodes own-space: nodes-1"],
    ["10.96.0.1", { header: "alice" }, "alice/web space: web-2"],
    ["10.9.9.9", {}, "- no-service: "],
    ["empty", {}, "dev/empty as-dialled: empty-1"],
    ["alias", { header: "alice" }, "alice/web space: web-2"],
    ["away", {}, "- no-service: "],
    ["shop.other", { header: "alice" }, "- no-service: "],
    ["https://web.dev:80", { header: "alice" }, "dev/web opaque: web-1"],
  ] as const)("%s %j", (url, ask, answer) => {
    expect(short(way(url, ask))).toBe(answer);
  });

  test("tells each space that is passed over, and why", () => {
    expect(told("api", { caller: "tiny", header: "tiny" })).toEqual([
      "routes: 4 dev spaces, 10 services (as the sidecar of pod `tiny/web-1` has them now)",
      "caller: a pod of dev/alice/tiny (its sidecar decides)",
      "name: tiny/api (`api` is looked for in `tiny` first)",
      "port: 80 (http), 8080 in the pods (its name or `appProtocol` declares HTTP)",
      "space: dev/alice/tiny (the header `azds-route-as` says so)",
      "search: not `tiny` (its Service has no ready pod: `api-2` is CrashLoopBackOff)",
      "search: not `alice` (it has no Service of this name)",
      "answer: dev/api at 10.96.0.3:80 (it is the nearest from the space of the request upwards)",
      "arrival: the application (the caller's sidecar has decided already)",
    ]);
  });

  test("tells of an endpoint that no pod has", () => {
    const found = way("web", { facts: factsWith({ dev: { pods: [] } }) });
    expect(found.pods).toMatchObject([{ name: "", address: "10.0.0.1", sidecar: false }]);
    expect(found.pods[0]?.note).toStartWith("no pod of this space has that address now");
  });

  test("tells who is asked next, and where the name led", () => {
    const steps = told("web", { header: "alice" });
    expect(steps).toContain(
      "otherwise: dev/web at 10.96.0.1:80 (it is asked next, should those before refuse the connection)",
    );
    expect(told("api", { caller: "alice" })).toContain(
      "name: dev/api (`api` has no address in `alice`, and the search list goes on upwards)",
    );
  });

  test("tells of a header that names no space, and of pods whose requests pass by", () => {
    expect(told("web", { header: "nobody" })).toContain(
      "space: none (the header `azds-route-as` says `nobody`, which is no dev space of this tree and is ignored; there are `alice`, `bob`, `dev`, `tiny`)",
    );
    const pods = [
      pod("dev", { name: "old", ip: "10.0.0.20", isBare: true }),
      pod("dev", { name: "careless", ip: "10.0.0.21", config: { skipOutboundPorts: [80] } }),
    ];
    expect(told("web", { facts: factsWith({ dev: { pods } }) })[1]).toBe(
      "caller: a pod of dev (its sidecar decides; not for `old`, without one: there only the server's sidecar does; `careless` asked by annotation that port 80 passes by it)",
    );
  });

  test("takes the decision from the routing itself", () => {
    for (const header of ["dev", "alice", "tiny", "bob", "nobody", undefined]) {
      for (const caller of ["dev", "alice", "tiny", "bob"]) {
        const asked = question("http://api.dev", { caller, ...(header === undefined ? {} : { header }) });
        const destination = { service: SERVICES[2], port: SERVICES[2]?.ports[0] };
        if (destination.service === undefined || destination.port === undefined) throw new Error("No api");
        const { candidates, reason } = outboundCandidates(asked.routes.table, {
          ownSpace: caller,
          routeAs: header,
          destination: { service: destination.service, port: destination.port },
          original: { address: "10.96.0.3", port: 80 },
          authority: "api.dev",
        });
        const found = way("http://api.dev", { caller, ...(header === undefined ? {} : { header }) });
        expect([found.answer?.service, found.reason]).toEqual([candidates[0]?.service, reason]);
      }
    }
  });
});

describe("explain() of what comes from outside", () => {
  const shop = factsWith({ dev: { ingresses: ingress("dev", "shop.test") } });
  const own = { ingressClassName: "nginx" };
  const nginx = factsWith({ dev: { ingresses: ingress("dev", "alice.s.dev.web.example.com", own) } });

  test.each([
    ["http://dev.web.azds.localhost:8090/", {}, "local-gateway dev/web host: web-1"],
    ["http://alice.s.dev.web.azds.localhost/", {}, "local-gateway alice/web host: web-2"],
    ["http://alice.s.dev.api.azds.localhost/", {}, "local-gateway dev/api host: api-1"],
    ["http://dev.web.azds.localhost/", { header: "alice" }, "local-gateway alice/web host: web-2"],
    ["https://alice.s.dev.web.gw.test/", {}, "gateway alice/web space: web-2"],
    ["https://dev.web.gw.test/", { header: "alice" }, "gateway dev/web space: web-1"],
    ["https://dev.web.gw.test/", { header: "alice", trustsHeader: true }, "gateway alice/web space: web-2"],
    ["http://dev.empty.gw.test/", {}, "gateway - host: empty-1"],
    ["http://shop.test/", { facts: shop }, "gateway dev/web space: web-1"],
    ["http://alice.s.shop.test/", { facts: shop }, "gateway alice/web space: web-2"],
    ["http://alice.s.dev.web.example.com/", { facts: nginx }, "ingress alice/web nearer: web-2"],
    ["http://alice.s.dev.web.example.com/", { facts: nginx, header: "dev" }, "ingress dev/web here: web-1"],
  ] as const)("%s", (url, ask, answer) => {
    const found = way(url, ask);
    expect(`${found.entry} ${short(found)}`).toBe(answer);
  });

  test("a pod without a sidecar answers whatever the host says", () => {
    const bare = [pod("dev", { name: "web-1", ip: "10.0.0.1", app: "web", isBare: true })];
    const skipping = [pod("dev", { name: "web-1", ip: "10.0.0.1", app: "web", config: { skipInboundPorts: [8080] } })];
    for (const pods of [bare, skipping]) {
      const ingresses = ingress("dev", "alice.s.dev.web.example.com", own);
      expect(
        short(way("http://alice.s.dev.web.example.com/", { facts: factsWith({ dev: { pods, ingresses } }) })),
      ).toBe("dev/web here: web-1");
    }
  });

  test("of several Services behind one pod the host must name one", () => {
    const backend = { service: { name: "api", port: { number: 80 } } };
    const hosts = ["bob.s.dev.api.example.com", "bob.s.dev.shop.example.com"];
    const rules = hosts.map((host) => ({ host, http: { paths: [{ path: "/", backend }] } }));
    const facts = factsWith({ dev: { ingresses: ingress("dev", "", { ...own, rules }) } });
    expect(short(way("http://bob.s.dev.api.example.com/", { facts }))).toBe("bob/api nearer: 10.0.0.10");
    const unnamed = way("http://bob.s.dev.shop.example.com/", { facts });
    expect(short(unnamed)).toBe("dev/api here: api-1");
    expect(unnamed.steps.at(-1)?.why).toBe(
      "several Services stand behind its pod and the host names none of them, so no nearer version is looked for",
    );
  });

  test("says what the gateway strips, and why nobody is ready", () => {
    expect(told("https://dev.web.gw.test/", { header: "alice" })).toContain(
      "header: not `azds-route-as: alice` (the gateway strips it; `azds cluster enable --trust-external-header` would let it pass)",
    );
    expect(told("http://dev.empty.gw.test/").at(-1)).toBe(
      "answer: 503 for dev/empty (it has no ready pod: `empty-1` is CrashLoopBackOff)",
    );
  });
});

describe("explain() refuses", () => {
  test.each([
    [
      "wep",
      "SERVICE_NOT_FOUND: There is no Service `wep` in dev space `dev` or above it; there are `admin`, `alias`, `api`, `away`, `db`, `empty`, `nodes`, `pinned`, `web`",
    ],
    ["web.nowhere.svc", "SERVICE_NOT_FOUND: There is no Service `web` in namespace `nowhere`"],
    ["web:81", "SERVICE_NOT_FOUND: Service `dev/web` has no TCP port 81, only 80 (http), 8080 in the pods"],
    [
      "http://dev.wep.azds.localhost/",
      "HOST_UNKNOWN: `dev.wep.azds.localhost` names no service of this tree of dev spaces; of this tree there are `http://alice.s.dev.web.azds.localhost/`",
    ],
    [
      "http://www.example.com/",
      "HOST_UNKNOWN: `www.example.com` is no service, no Ingress, no HTTPRoute and no host of azds",
    ],
  ] as const)("%s", (url, message) => {
    expect(failure(url)).toStartWith(message);
  });
});
