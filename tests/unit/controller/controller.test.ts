import { afterEach, expect, test } from "bun:test";
import { runController } from "../../../controller/controller.ts";
import { TLS_KEYS, certificateOfSecret } from "../../../core/host/certificate.ts";
import { systemClock } from "../../../core/host/clock.ts";
import { KubeError, type KubeRequest, type WatchEvent } from "../../../core/kube/types.ts";
import { at } from "../../../core/parse.ts";
import { FEED_PATH } from "../../../core/route-table.ts";
import { fakeKube, type FakeKube } from "../../fakes/kube.ts";
import { service, space } from "./objects.ts";

const CA = "/api/v1/namespaces/azds/configmaps/azds-ca";
const WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azds-webhook";
const LEASE = "/apis/coordination.k8s.io/v1/namespaces/azds/leases/azds-controller";
const BINDING = "/apis/rbac.authorization.k8s.io/v1/namespaces/alice/rolebindings/azds-developer";

interface Replica {
  readonly feed: number;
  readonly health: number;
  readonly stop: () => Promise<void>;
}

const replicas: Replica[] = [];
afterEach(async () => {
  await Promise.all(replicas.splice(0).map(async (replica) => replica.stop()));
});

async function start(kube: FakeKube, identity: string): Promise<Replica> {
  const stop = new AbortController();
  const listening = Promise.withResolvers<{ readonly feed: number; readonly health: number }>();
  const options = { kube, clock: systemClock, log: () => undefined, identity, random: Math.random, pullSecret: "" };
  const done = runController(
    { ...options, ports: { feed: 0, health: 0 }, onListening: listening.resolve },
    stop.signal,
  );
  const replica = {
    ...(await listening.promise),
    stop: async () => {
      stop.abort();
      await done;
    },
  };
  replicas.push(replica);
  return replica;
}

function reviewer(call: KubeRequest): unknown {
  if (!call.path.endsWith("/tokenreviews")) return undefined;
  return {
    status: { authenticated: true, audiences: ["azds"], user: { username: "system:serviceaccount:alice:default" } },
  };
}

/** Polls; the test's own time-out is the limit. */
async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await Bun.sleep(5);
}

async function isReady(replica: Replica): Promise<boolean> {
  return (await fetch(`http://localhost:${replica.health}/readyz`)).status === 200;
}

function authority(kube: FakeKube): string {
  return String(at(kube.get(CA), "data", "ca.crt"));
}

test("Two replicas on an empty installation become ready, agree on one authority, and both serve the feed", async () => {
  const kube = fakeKube({ answer: reviewer });
  kube.put("/api/v1/namespaces/dev", space("dev"));
  kube.put("/api/v1/namespaces/alice", space("alice", { parent: "dev", creator: "alice@example.com" }));
  kube.put("/api/v1/namespaces/dev/services/web", service("dev", "web"));
  const both = await Promise.all([start(kube, "a"), start(kube, "b")]);
  for (const replica of both) {
    await until(async () => isReady(replica));
    // The certificate carries the Service's name, which is no name of this machine.
    const response = await fetch(`https://127.0.0.1:${replica.feed}${FEED_PATH}`, {
      headers: { authorization: "Bearer token" },
      tls: { ca: authority(kube), serverName: "azds-controller.azds.svc" },
    });
    const first = (await response.body?.getReader().read()) as { readonly value: Uint8Array };
    expect(JSON.parse(new TextDecoder().decode(first.value))).toMatchObject({
      type: "snapshot",
      spaces: [{ name: "alice", parent: "dev" }, { name: "dev" }],
      services: [{ namespace: "dev", name: "web" }],
    });
  }
  await until(() => kube.get(BINDING));
});

test("The webhook configuration gets the authority also when it is applied last, and again when it is lost", async () => {
  const kube = fakeKube();
  await start(kube, "a");
  await until(() => kube.get(CA));
  const webhooks = [{ name: "pods.azds.io", clientConfig: {} }];
  for (let round = 0; round < 2; round += 1) {
    kube.put(WEBHOOKS, { webhooks });
    await until(() => at(kube.get(WEBHOOKS), "webhooks", 0, "clientConfig", "caBundle") !== undefined);
  }
  const bundle = String(at(kube.get(WEBHOOKS), "webhooks", 0, "clientConfig", "caBundle"));
  expect(Buffer.from(bundle, "base64").toString()).toBe(authority(kube));
});

test("The leader binds a creator as soon as the space is there", async () => {
  const kube = fakeKube();
  const replica = await start(kube, "a");
  await until(async () => isReady(replica));
  kube.put("/api/v1/namespaces/alice", space("alice", { creator: "alice@example.com" }));
  await until(() => kube.get(BINDING));
});

test("Readiness names what is missing; health does not", async () => {
  const kube = fakeKube({
    answer: ({ method, path }) => {
      if (method === "POST" && path.includes("/secrets")) throw new Error("The API server is away");
      return undefined;
    },
  });
  const replica = await start(kube, "a");
  const ready = await fetch(`http://localhost:${replica.health}/readyz`);
  expect(ready.status).toBe(503);
  expect(at(await ready.json(), "waitingFor")).toContain("certificate");
  expect((await fetch(`http://localhost:${replica.health}/healthz`)).status).toBe(200);
  expect((await fetch(`http://localhost:${replica.health}/other`)).status).toBe(404);
});

test("A stopping controller gives leadership back and leaves the certificates", async () => {
  const kube = fakeKube();
  const replica = await start(kube, "a");
  await until(() => at(kube.get(LEASE), "spec", "holderIdentity") === "a");
  await until(() => kube.get("/api/v1/namespaces/azds/secrets/azds-builder-tls"));
  replicas.pop();
  await replica.stop();
  expect(at(kube.get(LEASE), "spec", "holderIdentity")).toBe("");
  expect(certificateOfSecret(kube.get("/api/v1/namespaces/azds/secrets/azds-controller-tls"), TLS_KEYS)).toBeDefined();
});

test("A refused watch ends the controller, and gives leadership back", async () => {
  const kube = fakeKube();
  const refused = Promise.withResolvers<never>();
  const watch: FakeKube["watch"] = (path, signal) =>
    path === "/api/v1/services" ? refusing(refused.promise) : kube.watch(path, signal);
  const done = runController(
    {
      kube: { ...kube, watch },
      clock: systemClock,
      log: () => undefined,
      identity: "a",
      random: Math.random,
      pullSecret: "",
      ports: { feed: 0, health: 0 },
    },
    new AbortController().signal,
  );
  await until(() => at(kube.get(LEASE), "spec", "holderIdentity") === "a");
  refused.reject(new KubeError(403, "Forbidden", "services is forbidden"));
  expect(done).rejects.toThrow("services is forbidden");
  await done.catch(() => undefined);
  expect(at(kube.get(LEASE), "spec", "holderIdentity")).toBe("");
});

// oxlint-disable-next-line require-yield -- it ends before anything is listed
async function* refusing(refusal: Promise<never>): AsyncGenerator<WatchEvent> {
  await refusal;
}
