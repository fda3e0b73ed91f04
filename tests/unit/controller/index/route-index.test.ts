import { expect, test } from "bun:test";
import { RouteIndex, type WatchedKind } from "../../../../controller/index/route-index.ts";
import type { JsonObject } from "../../../../core/parse.ts";
import { listed, service, slice, space } from "../objects.ts";

function indexOf(objects: Readonly<Partial<Record<WatchedKind, readonly JsonObject[]>>>): RouteIndex {
  const index = new RouteIndex();
  for (const kind of ["namespaces", "services", "slices", "ingresses"] as const) {
    for (const event of listed(...(objects[kind] ?? []))) index.apply(kind, event);
  }
  return index;
}

const SHOP = {
  namespaces: [space("dev"), space("alice", { parent: "dev" }), space("other")],
  services: [service("dev", "web"), service("alice", "web"), service("other", "web"), service("kube-system", "dns")],
  slices: [slice("dev", "web", { ready: ["10.1.0.1"] })],
};

test("RouteIndex is synced when all lists are complete", () => {
  const index = new RouteIndex();
  for (const kind of ["namespaces", "services", "ingresses"] as const) index.apply(kind, { type: "synced" });
  expect(index.synced).toBe(false);
  index.apply("slices", { type: "synced" });
  expect(index.synced).toBe(true);
});

test("RouteIndex.table() holds the spaces and Services of one tree only", () => {
  const table = indexOf(SHOP).table("dev");
  expect(table.spaces).toEqual([{ name: "alice", parent: "dev" }, { name: "dev" }]);
  expect([...table.services.keys()].toSorted()).toEqual(["alice/web", "dev/web"]);
  expect(table.services.get("dev/web")?.endpoints).toEqual(["10.1.0.1"]);
});

test("RouteIndex.table() stays the same object while nothing of its tree changes", () => {
  const index = indexOf(SHOP);
  const before = index.table("dev");
  index.apply("services", { type: "modified", object: service("other", "web", { clusterIPs: ["10.0.0.9"] }) });
  index.apply("services", { type: "modified", object: service("dev", "web") });
  expect(index.table("dev")).toBe(before);
  index.apply("slices", { type: "deleted", object: slice("dev", "web") });
  expect(index.table("dev").services.get("dev/web")?.endpoints).toEqual([]);
  expect(index.table("dev").services.get("alice/web")).toBe(before.services.get("alice/web") as never);
});

test("RouteIndex knows the Services of a namespace that becomes a space later", () => {
  const index = indexOf({ ...SHOP, namespaces: [space("dev")] });
  expect(index.rootOf("alice")).toBeUndefined();
  index.apply("namespaces", { type: "added", object: space("alice", { parent: "dev" }) });
  expect(index.table("dev").services.has("alice/web")).toBe(true);
});

test("RouteIndex takes a terminating namespace out of its tree at once and remembers that it ends", () => {
  const index = indexOf(SHOP);
  const terminating = space("alice", { parent: "dev", terminating: true });
  expect(index.apply("namespaces", { type: "modified", object: terminating })).toBe(true);
  expect(index.rootOf("alice")).toBeUndefined();
  expect(index.isTerminating("alice")).toBe(true);
  expect([...index.table("dev").services.keys()]).toEqual(["dev/web"]);
  index.apply("namespaces", { type: "deleted", object: terminating });
  expect(index.isTerminating("alice")).toBe(false);
});

test("RouteIndex follows a slice that moves to another Service", () => {
  const index = indexOf(SHOP);
  const moved = slice("dev", "web", { ready: ["10.1.0.1"] });
  const metadata = { namespace: "dev", name: "web-x", labels: { "kubernetes.io/service-name": "api" } };
  index.apply("services", { type: "added", object: service("dev", "api") });
  index.apply("slices", { type: "modified", object: { ...moved, metadata } });
  expect(index.table("dev").services.get("dev/web")?.endpoints).toEqual([]);
  expect(index.table("dev").services.get("dev/api")?.endpoints).toEqual(["10.1.0.1"]);
});

test("RouteIndex.apply() says that nothing changed for a namespace whose labels stay", () => {
  expect(indexOf(SHOP).apply("namespaces", { type: "modified", object: space("dev") })).toBe(false);
});
