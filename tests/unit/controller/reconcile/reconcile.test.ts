import { expect, test } from "bun:test";
import { SESSION_LABEL } from "../../../../core/contract.ts";
import { RouteIndex } from "../../../../controller/index/route-index.ts";
import {
  reconcileBindings,
  reconcileSessions,
  type ReconcileContext,
} from "../../../../controller/reconcile/reconcile.ts";
import type { Sightings } from "../../../../controller/reconcile/stale-sessions.ts";
import { KubeError } from "../../../../core/kube/types.ts";
import { SESSION_STALE_MS } from "../../../../core/limits.ts";
import { at, type JsonObject } from "../../../../core/parse.ts";
import { leaseOfSession, PLAIN_CONTAINER, type Session } from "../../../../core/session.ts";
import { manualClock, type ManualClock } from "../../../fakes/clock.ts";
import { fakeKube, type FakeKube, type FakeKubeOptions } from "../../../fakes/kube.ts";
import { space } from "../objects.ts";

const NEVER = new AbortController().signal;
const LEASE = "/apis/coordination.k8s.io/v1/namespaces/alice/leases/azds-abc123";
const BINDINGS = "/apis/rbac.authorization.k8s.io/v1";

interface World extends ReconcileContext {
  readonly kube: FakeKube;
  readonly clock: ManualClock;
  readonly warnings: string[];
}

function world(options: FakeKubeOptions = {}): World {
  const warnings: string[] = [];
  return {
    kube: fakeKube(options),
    index: new RouteIndex(),
    clock: manualClock(),
    warnings,
    log: (level, message) => void (level === "warn" && warnings.push(message)),
  };
}

function spaces(context: World, ...objects: readonly JsonObject[]): void {
  context.index.apply("namespaces", { type: "reset" });
  for (const object of objects) context.index.apply("namespaces", { type: "added", object });
  context.index.apply("namespaces", { type: "synced" });
}

async function bindings(context: World): Promise<readonly string[]> {
  const found = await context.kube.list(`${BINDINGS}/rolebindings`);
  return found
    .map((object) => `${String(at(object, "metadata", "namespace"))}: ${String(at(object, "roleRef", "name"))}`)
    .toSorted();
}

const ALICE = { parent: "dev", creator: "alice@example.com" };

test("reconcileBindings() follows spaces as they come, change hands and go", async () => {
  const context = world();
  spaces(context, space("dev"), space("alice", ALICE));
  await reconcileBindings(context, NEVER);
  expect(await bindings(context)).toEqual(["alice: azds-developer", "dev: azds-viewer"]);
  const count = context.kube.calls.length;
  await reconcileBindings(context, NEVER);
  expect(context.kube.calls.slice(count).map((call) => call.method)).toEqual(["GET"]);
  spaces(context, space("dev"), space("alice", { ...ALICE, creator: "bob@example.com" }));
  await reconcileBindings(context, NEVER);
  const subject = at(
    context.kube.get(`${BINDINGS}/namespaces/alice/rolebindings/azds-developer`),
    "subjects",
    0,
    "name",
  );
  expect(subject).toBe("bob@example.com");
  expect(await bindings(context)).toEqual(["alice: azds-developer", "dev: azds-viewer"]);
  spaces(context, space("dev"));
  await reconcileBindings(context, NEVER);
  expect(await bindings(context)).toEqual([]);
});

test("reconcileBindings() leaves bindings of others, and the developer's in a terminating space", async () => {
  const context = world();
  context.kube.put(`${BINDINGS}/namespaces/azds/rolebindings/azds-controller`, {
    metadata: { labels: { "app.kubernetes.io/part-of": "azds", "app.kubernetes.io/component": "controller" } },
    roleRef: { name: "azds-controller" },
  });
  spaces(context, space("dev"), space("alice", ALICE));
  await reconcileBindings(context, NEVER);
  spaces(context, space("dev"), space("alice", { ...ALICE, terminating: true }));
  await reconcileBindings(context, NEVER);
  expect(await bindings(context)).toEqual(["alice: azds-developer", "azds: azds-controller"]);
});

test("reconcileBindings() logs a step that fails and takes the others", async () => {
  const context = world({
    answer: ({ method, path }) => {
      if (method === "PATCH" && path.includes("/alice/")) throw new KubeError(403, "Forbidden", "no");
      return undefined;
    },
  });
  spaces(context, space("dev"), space("alice", ALICE));
  await reconcileBindings(context, NEVER);
  expect(await bindings(context)).toEqual(["dev: azds-viewer"]);
  expect(context.warnings).toEqual(["Change failed"]);
});

function session(heartbeat: number): Session {
  return {
    id: "azds-abc123",
    space: "alice",
    service: "web",
    release: "web",
    owner: "alice@laptop",
    holder: "1",
    heartbeat,
    lastNode: "",
    build: 0,
    container: PLAIN_CONTAINER,
    inputs: "",
  };
}

async function pass(context: World, before: Sightings, ms: number): Promise<Sightings> {
  await context.clock.advance(ms);
  return reconcileSessions(context, before, NEVER);
}

test("reconcileSessions() removes a session without a pod after SESSION_STALE_MS without a sign of life", async () => {
  const context = world();
  // A heartbeat of long ago by a laptop whose clock is wrong: what counts is when it last changed.
  context.kube.put(LEASE, leaseOfSession(session(1)));
  let sightings = await pass(context, new Map(), 0);
  sightings = await pass(context, sightings, SESSION_STALE_MS - 1);
  expect(context.kube.get(LEASE)).toBeDefined();
  await pass(context, sightings, 1);
  expect(context.kube.get(LEASE)).toBeUndefined();
});

test("reconcileSessions() keeps a session whose heartbeat moves", async () => {
  const context = world();
  let sightings: Sightings = new Map();
  for (let beat = 1; beat < 6; beat += 1) {
    context.kube.put(LEASE, leaseOfSession(session(beat)));
    sightings = await pass(context, sightings, SESSION_STALE_MS / 2);
  }
  expect(context.kube.get(LEASE)).toBeDefined();
});

test("reconcileSessions() keeps a quiet session that has a pod", async () => {
  const context = world();
  context.kube.put(LEASE, leaseOfSession(session(1)));
  context.kube.put("/api/v1/namespaces/alice/pods/web-1", { metadata: { labels: { [SESSION_LABEL]: session(1).id } } });
  const sightings = await pass(context, new Map(), 0);
  await pass(context, sightings, 2 * SESSION_STALE_MS);
  expect(context.kube.get(LEASE)).toBeDefined();
});

test("reconcileSessions() keeps a session that comes back while it is being removed", async () => {
  const context: World = world({
    answer: ({ path }) => {
      if (path.includes("/pods")) context.kube.put(LEASE, leaseOfSession(session(2)));
      return undefined;
    },
  });
  context.kube.put(LEASE, leaseOfSession(session(1)));
  const sightings = await pass(context, new Map(), 0);
  await pass(context, sightings, 2 * SESSION_STALE_MS);
  expect(context.kube.get(LEASE)).toBeDefined();
});

test("reconcileSessions() leaves Leases that are no sessions alone", async () => {
  const context = world();
  const path = "/apis/coordination.k8s.io/v1/namespaces/alice/leases/other";
  context.kube.put(path, { spec: { holderIdentity: "x" } });
  const sightings = await pass(context, new Map(), 0);
  await pass(context, sightings, 2 * SESSION_STALE_MS);
  expect(context.kube.get(path)).toBeDefined();
});
