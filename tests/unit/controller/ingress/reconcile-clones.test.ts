import { expect, test } from "bun:test";
import { RouteIndex } from "../../../../controller/index/route-index.ts";
import { reconcileClones } from "../../../../controller/ingress/reconcile-clones.ts";
import { reconcileIngressStatus } from "../../../../controller/ingress/reconcile-status.ts";
import { keepIngressTable } from "../../../../controller/ingress/ingress-table.ts";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { Bell } from "../../../../controller/reconcile/bell.ts";
import { EVERY_TREE } from "../../../../controller/index/route-index.ts";
import { at, type JsonObject } from "../../../../core/parse.ts";
import { manualClock } from "../../../fakes/clock.ts";
import { fakeKube } from "../../../fakes/kube.ts";
import { listed, space } from "../objects.ts";

const NEVER = new AbortController().signal;
const INGRESSES = "/apis/networking.k8s.io/v1/namespaces/dev/ingresses";

function ingress(className: string, over: JsonObject = {}): JsonObject {
  const paths = [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { namespace: "dev", name: "web", uid: "1", annotations: { "kubernetes.io/ingress.class": className } },
    spec: { rules: [{ host: "dev.web.test", http: { paths } }], ...over },
  };
}

function world(...ingresses: readonly JsonObject[]) {
  const index = new RouteIndex();
  for (const event of listed(space("dev"), space("alice", { parent: "dev" }))) index.apply("namespaces", event);
  for (const kind of ["services", "slices"] as const) index.apply(kind, { type: "synced" });
  for (const event of listed(...ingresses)) index.apply("ingresses", event);
  return { kube: fakeKube(), index, clock: manualClock(), log: () => undefined };
}

test("reconcileClones() makes clones of other classes only, and removes those that nobody wants", async () => {
  const context = world(ingress("nginx"));
  await reconcileClones(context, NEVER);
  const clone = `${INGRESSES}/web-alice-azds`;
  expect(at(context.kube.get(clone), "metadata", "annotations", "azds.io/clone-of")).toBe("dev/web");
  for (const event of listed(ingress("azds"))) context.index.apply("ingresses", event);
  await reconcileClones(context, NEVER);
  expect(context.kube.get(clone)).toBeUndefined();
});

test("reconcileIngressStatus() copies the address of the gateway, and nothing where there is none", async () => {
  const context = world(ingress("traefik-azds"));
  context.kube.put(`${INGRESSES}/web`, ingress("traefik-azds"));
  await reconcileIngressStatus(context, NEVER);
  expect(at(context.kube.get(`${INGRESSES}/web`), "status")).toBeUndefined();
  context.kube.put("/api/v1/namespaces/azds/services/azds-gateway", {
    status: { loadBalancer: { ingress: [{ ip: "203.0.113.7", ipMode: "VIP" }] } },
  });
  await reconcileIngressStatus(context, NEVER);
  const patch = context.kube.calls.find(({ method }) => method === "PATCH");
  expect(patch?.path).toBe(`${INGRESSES}/web/status`);
  expect(patch?.body).toEqual({ status: { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } } });
});

test("keepIngressTable() tells the gateway of its Ingresses with their certificates", async () => {
  const { cert, key } = await issueServer(await makeAuthority(Date.now()), ["dev.web.test"], Date.now());
  const tls = [
    { hosts: ["DEV.web.test"], secretName: "pair" },
    { hosts: ["x"], secretName: "absent" },
  ];
  const context = world(ingress("azds", { tls }));
  context.kube.put("/api/v1/namespaces/dev/secrets/pair", { data: { "tls.crt": btoa(cert), "tls.key": btoa(key) } });
  const stop = new AbortController();
  const told = Promise.withResolvers<void>();
  const keeping = keepIngressTable(
    { ...context, bell: new Bell(), synced: Promise.resolve(), changed: () => told.resolve() },
    stop.signal,
  );
  await told.promise;
  stop.abort();
  await keeping;
  const backend = { service: "web", port: 80 };
  expect(context.index.table(EVERY_TREE).ingresses).toEqual([
    {
      namespace: "dev",
      name: "web",
      rules: [{ host: "dev.web.test", path: "/", exact: false, backend }],
      certificates: [{ hosts: ["dev.web.test"], cert, key }],
    },
  ]);
  expect(context.index.table("dev").ingresses).toBeUndefined();
});
