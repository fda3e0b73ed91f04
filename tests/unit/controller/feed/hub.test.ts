import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { FeedHub } from "../../../../controller/feed/hub.ts";
import { EVERY_TREE, RouteIndex, type WatchedKind } from "../../../../controller/index/route-index.ts";
import type { WatchEvent } from "../../../../core/kube/types.ts";
import type { FeedMessage } from "../../../../core/route-table.ts";
import { RouteTable } from "../../../../core/routing.ts";
import { service, slice, space } from "../objects.ts";

/** A client as a sidecar is one: it reads lines and applies them. */
class Reader {
  readonly messages: FeedMessage[] = [];
  readonly table = new RouteTable();
  ended = false;
  readonly sink = {
    write: (lines: string): void => {
      for (const line of lines.split("\n").filter((text) => text !== "")) {
        const message = JSON.parse(line) as FeedMessage;
        this.messages.push(message);
        expect(this.table.apply(message)).toBe(true);
      }
    },
    end: (): void => {
      this.ended = true;
    },
  };

  types(): readonly string[] {
    return this.messages.splice(0).map((message) => message.type);
  }
}

function setUp(): { readonly index: RouteIndex; readonly hub: FeedHub } {
  const index = new RouteIndex();
  for (const kind of ["namespaces", "services", "slices"] as const) index.apply(kind, { type: "synced" });
  index.apply("namespaces", { type: "added", object: space("dev") });
  index.apply("namespaces", { type: "added", object: space("alice", { parent: "dev" }) });
  index.apply("services", { type: "added", object: service("dev", "web") });
  return { index, hub: new FeedHub(index, "replica-1") };
}

test("FeedHub.subscribe() writes a snapshot at once and refuses a namespace that is no space", () => {
  const { hub } = setUp();
  const reader = new Reader();
  expect(hub.subscribe("alice", reader.sink)).toBeFunction();
  expect(reader.messages).toMatchObject([
    {
      type: "snapshot",
      version: { replica: "replica-1" },
      spaces: [{ name: "alice", parent: "dev" }, { name: "dev" }],
      services: [{ namespace: "dev", name: "web" }],
    },
  ]);
  expect(hub.subscribe("kube-system", reader.sink)).toBeUndefined();
});

test("FeedHub.publish() sends only what changed, removals first, and nothing to other trees", () => {
  const { index, hub } = setUp();
  index.apply("namespaces", { type: "added", object: space("other") });
  const reader = new Reader();
  const stranger = new Reader();
  hub.subscribe("dev", reader.sink);
  hub.subscribe("other", stranger.sink);
  reader.types();
  stranger.types();
  index.apply("services", { type: "added", object: service("dev", "api") });
  index.apply("services", { type: "deleted", object: service("dev", "web") });
  hub.publish();
  expect(reader.types()).toEqual(["removed", "service"]);
  expect(stranger.types()).toEqual([]);
  hub.publish();
  expect(reader.types()).toEqual([]);
});

test("FeedHub.publish() sends a fresh snapshot to a namespace that moved to another tree", () => {
  const { index, hub } = setUp();
  const reader = new Reader();
  hub.subscribe("alice", reader.sink);
  reader.types();
  index.apply("namespaces", { type: "modified", object: space("alice") });
  hub.publish();
  expect(reader.messages.map((message) => message.type)).toEqual(["snapshot"]);
  expect(reader.table.spaces).toEqual(["alice"]);
});

test("FeedHub.publish() ends the feed of a namespace that is no space any more", () => {
  const { index, hub } = setUp();
  const gone = new Reader();
  const stays = new Reader();
  hub.subscribe("alice", gone.sink);
  hub.subscribe("dev", stays.sink);
  index.apply("namespaces", { type: "modified", object: space("alice", { parent: "dev", terminating: true }) });
  hub.publish();
  expect(gone.ended).toBe(true);
  expect(stays.ended).toBe(false);
  expect(stays.table.spaces).toEqual(["dev"]);
  expect(hub.clients).toBe(1);
});

test("FeedHub tells a client that comes between a change and its publication everything once it is published", () => {
  const { index, hub } = setUp();
  hub.subscribe("dev", new Reader().sink);
  index.apply("services", { type: "added", object: service("dev", "api") });
  const late = new Reader();
  hub.subscribe("dev", late.sink);
  hub.publish();
  expect(late.table.find("dev", "api")).toBeDefined();
});

test("FeedHub forgets clients whose subscription ended, and ends the others when it closes", () => {
  const { hub } = setUp();
  const [first, second] = [new Reader(), new Reader()];
  hub.subscribe("dev", first.sink)?.();
  hub.subscribe("dev", second.sink);
  second.types();
  hub.ping();
  expect(second.types()).toEqual(["ping"]);
  hub.close();
  expect([first.ended, second.ended, hub.clients]).toEqual([false, true, 0]);
});

function change(kind: WatchedKind, type: WatchEvent["type"], object: unknown): Step {
  return {
    kind,
    event: { type, object } as WatchEvent,
  };
}

test("FeedHub leaves every client with the routes of its tree, whatever happens in whatever order", () => {
  const names = fc.constantFrom("a", "b", "c", "d");
  const services = fc.constantFrom("web", "api");
  const step = fc.oneof(
    fc
      .record({
        name: names,
        parent: fc.option(names, { nil: undefined }),
        terminating: fc.nat(9).map((dice) => dice === 0),
      })
      .map(({ name, parent, terminating }) =>
        change("namespaces", "modified", space(name, { ...(parent === undefined ? {} : { parent }), terminating })),
      ),
    names.map((name) => change("namespaces", "deleted", space(name))),
    fc
      .tuple(names, services, fc.nat(3))
      .map(([name, of, ip]) => change("services", "modified", service(name, of, { clusterIPs: [`10.0.0.${ip}`] }))),
    fc.tuple(names, services).map(([name, of]) => change("services", "deleted", service(name, of))),
    fc
      .tuple(names, services, fc.nat(3))
      .map(([name, of, ip]) => change("slices", "modified", slice(name, of, { ready: [`10.1.0.${ip}`] }))),
    fc.tuple(names, services).map(([name, of]) => change("slices", "deleted", slice(name, of))),
    { weight: 4, arbitrary: fc.constant<Step>("publish") },
    { weight: 2, arbitrary: names.map((name): Step => ({ subscribe: name })) },
  );
  fc.assert(
    // Long enough, and begun with spaces, so that most changes meet a client that is told of them.
    fc.property(fc.array(step, { minLength: 40, maxLength: 80, size: "max" }), (random) => {
      const steps = [...["a", "b", "c", "d"].map((name) => change("namespaces", "added", space(name))), ...random];
      const index = new RouteIndex();
      const hub = new FeedHub(index, "r");
      const readers: { readonly namespace: string; readonly reader: Reader }[] = [];
      for (const entry of steps) {
        if (entry === "publish") hub.publish();
        else if ("subscribe" in entry) {
          const reader = new Reader();
          if (hub.subscribe(entry.subscribe, reader.sink) !== undefined)
            readers.push({ namespace: entry.subscribe, reader });
        } else index.apply(entry.kind, entry.event);
      }
      hub.publish();
      for (const { namespace, reader } of readers.filter((entry) => !entry.reader.ended)) {
        const fresh = fromScratch(steps).table(index.rootOf(namespace) ?? "");
        expect(reader.table.spaces.toSorted()).toEqual(fresh.spaces.map((entry) => entry.name));
        for (const { name, parent } of fresh.spaces) expect(reader.table.ancestry(name)[1]).toBe(parent as string);
        expect(new Map([...reader.table.services].map((entry) => [`${entry.namespace}/${entry.name}`, entry]))).toEqual(
          new Map(fresh.services),
        );
      }
    }),
  );
});

type Step = "publish" | { readonly subscribe: string } | { readonly kind: WatchedKind; readonly event: WatchEvent };

/** An index that saw the same events but was never asked in between. */
function fromScratch(steps: readonly Step[]): RouteIndex {
  const index = new RouteIndex();
  for (const entry of steps) if (typeof entry === "object" && "kind" in entry) index.apply(entry.kind, entry.event);
  return index;
}

test("FeedHub tells who follows every tree of all spaces, and of Ingresses as they change", () => {
  const { index, hub } = setUp();
  index.apply("namespaces", { type: "added", object: space("other") });
  const reader = new Reader();
  hub.subscribe(EVERY_TREE, reader.sink);
  expect(reader.table.spaces).toEqual(["alice", "dev", "other"]);
  expect(reader.types()).toEqual(["snapshot"]);
  index.apply("services", { type: "added", object: service("other", "api") });
  index.setIngressTable([{ namespace: "dev", name: "x", rules: [], certificates: [] }]);
  hub.publish();
  expect(reader.types().toSorted()).toEqual(["ingresses", "service"]);
  expect(reader.table.find("other", "api")).toBeDefined();
  expect(reader.table.ingresses).toHaveLength(1);
  index.apply("namespaces", { type: "deleted", object: space("other") });
  hub.publish();
  expect(reader.table.spaces).toEqual(["alice", "dev"]);
  expect(reader.table.find("other", "api")).toBeUndefined();
});
