import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { FeedMessage, ServiceRecord } from "../../../core/route-table.ts";
import { inboundTarget, lookup, outboundCandidates, RouteTable, type Destination } from "../../../core/routing.ts";
import { parseHost } from "../../../core/space-host.ts";

function service(namespace: string, name: string, over: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    namespace,
    name,
    uid: `${namespace}/${name}`,
    ips: [],
    ports: [{ name: "http", port: 80, target: 8080 }],
    endpoints: [],
    ...over,
  };
}

const WEB_DEV = service("dev", "web", { ips: ["10.96.0.1"], endpoints: ["10.0.0.1"] });
const WEB_ALICE = service("alice", "web", { ips: ["10.96.0.2"], endpoints: ["10.0.0.2"] });
const API_DEV = service("dev", "api", { ips: ["10.96.0.3"], endpoints: ["10.0.0.3"] });
const API_TINY = service("tiny", "api", { ips: ["10.96.0.4"], endpoints: ["10.0.0.4"] });

/** dev ← alice ← tiny, dev ← bob. */
function tableOf(...services: readonly ServiceRecord[]): RouteTable {
  const table = new RouteTable();
  table.apply({
    type: "snapshot",
    version: { replica: "a", counter: 5 },
    spaces: [
      { name: "dev" },
      { name: "alice", parent: "dev" },
      { name: "tiny", parent: "alice" },
      { name: "bob", parent: "dev" },
    ],
    services,
  });
  return table;
}

const FULL = tableOf(WEB_DEV, WEB_ALICE, API_DEV, API_TINY);

function destinationOf(record: ServiceRecord): Destination {
  const [port] = record.ports;
  if (port === undefined) throw new Error("No port");
  return { service: record, port };
}

function ask(table: RouteTable, record: ServiceRecord, over: Partial<Parameters<typeof outboundCandidates>[1]> = {}) {
  const original = { address: record.ips[0] ?? record.endpoints[0] ?? "10.9.9.9", port: 80 };
  return outboundCandidates(table, { ownSpace: "dev", destination: destinationOf(record), original, ...over });
}

function addresses(answer: ReturnType<typeof outboundCandidates>): readonly string[] {
  return answer.candidates.map((candidate) => `${candidate.address}:${candidate.port}`);
}

function change(counter: number, replica = "a"): FeedMessage {
  return { type: "service", version: { replica, counter }, service: WEB_ALICE };
}

describe("RouteTable.apply()", () => {
  test("takes no change before the first snapshot", () => {
    const table = new RouteTable();
    expect(table.apply(change(1))).toBeFalse();
    expect(table.ready).toBeFalse();
  });

  test("takes several changes of one counter", () => {
    const table = tableOf();
    table.apply(change(6));
    table.apply({ type: "service", version: { replica: "a", counter: 6 }, service: API_DEV });
    expect([...table.services]).toEqual([WEB_ALICE, API_DEV]);
  });

  test("ignores a change that the snapshot already holds", () => {
    const table = tableOf();
    expect(table.apply(change(4))).toBeTrue();
    expect([...table.services]).toEqual([]);
  });

  test("asks for a snapshot when another replica speaks", () => {
    expect(tableOf().apply(change(9, "b"))).toBeFalse();
  });

  test("gives an address to the Service that claimed it last", () => {
    const table = tableOf(WEB_DEV);
    const heir = service("dev", "heir", { uid: "new", ips: ["10.96.0.1"] });
    table.apply({ type: "service", version: { replica: "a", counter: 6 }, service: heir });
    table.apply({ type: "removed", version: { replica: "a", counter: 7 }, key: "dev/web" });
    expect(lookup(table, { ip: "10.96.0.1", port: 80 })?.service).toEqual(heir);
  });

  test("forgets the addresses a Service had before", () => {
    const table = tableOf(WEB_DEV);
    table.apply({
      type: "service",
      version: { replica: "a", counter: 6 },
      service: { ...WEB_DEV, uid: "again", ips: ["10.96.0.8"], endpoints: [] },
    });
    expect([table.at("10.96.0.1", 80), table.at("10.0.0.1", 8080)]).toEqual([[], []]);
  });

  test("any order of changes leaves the table as a snapshot of the result would", () => {
    const step = fc.record({
      name: fc.constantFrom("a", "b", "c"),
      ip: fc.constantFrom("1", "2"),
      endpoint: fc.constantFrom("8", "9"),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const table = tableOf();
        const expected = new Map<string, ServiceRecord>();
        steps.forEach((entry, i) => {
          const version = { replica: "a", counter: 10 + i };
          const made = service("dev", entry.name, {
            uid: `${entry.name}${i}`,
            ips: [`${entry.ip}.${entry.name}`],
            endpoints: [entry.endpoint],
          });
          if (entry.remove) expected.delete(entry.name);
          else expected.set(entry.name, made);
          table.apply(
            entry.remove
              ? { type: "removed", version, key: `dev/${entry.name}` }
              : { type: "service", version, service: made },
          );
        });
        const fresh = tableOf(...expected.values());
        for (const ip of ["8", "9"]) {
          const names = (from: RouteTable) =>
            from
              .at(ip, 8080)
              .map((found) => found.service.uid)
              .toSorted();
          expect(names(table)).toEqual(names(fresh));
        }
        for (const name of ["a", "b", "c"])
          for (const ip of ["1", "2"]) expect(table.at(`${ip}.${name}`, 80)).toEqual(fresh.at(`${ip}.${name}`, 80));
      }),
    );
  });
});

describe("RouteTable.ancestry()", () => {
  test("lists the space first", () => expect(FULL.ancestry("tiny")).toEqual(["tiny", "alice", "dev"]));
  test("is empty for an unknown space", () => expect(FULL.ancestry("nope")).toEqual([]));
  test("ends where a cycle would begin again", () => {
    const table = new RouteTable();
    const spaces = [
      { name: "a", parent: "b" },
      { name: "b", parent: "a" },
    ];
    table.apply({ type: "snapshot", version: { replica: "a", counter: 1 }, spaces, services: [] });
    expect(table.ancestry("a")).toEqual(["a", "b"]);
  });
});

describe("lookup()", () => {
  test("finds a Service by cluster IP and port", () =>
    expect(lookup(FULL, { ip: "10.96.0.1", port: 80 })?.service).toEqual(WEB_DEV));
  test("finds nothing at another port of a cluster IP", () =>
    expect(lookup(FULL, { ip: "10.96.0.1", port: 81 })).toBeUndefined());
  test("finds a Service by a pod's address and target port", () =>
    expect(lookup(FULL, { ip: "10.0.0.2", port: 8080 })?.service).toEqual(WEB_ALICE));
  test("finds nothing at an address outside", () => expect(lookup(FULL, { ip: "1.1.1.1", port: 80 })).toBeUndefined());

  const twin = service("dev", "web-twin", { endpoints: ["10.0.0.1"] });
  const twins = tableOf(WEB_DEV, twin);
  test("lets the authority decide between several", () =>
    expect(lookup(twins, { ip: "10.0.0.1", port: 8080 }, "WEB-twin.dev:80")?.service).toEqual(twin));
  test.each([
    ["dev.web-twin.example.com", "web-twin"],
    ["alice.s.dev.web-twin.example.com:8443", "web-twin"],
    ["Alice.S.Dev.Web.Example.Com", "web"],
    ["alice.s.dev.shop.example.com", undefined],
    ["alice.s.bob.web.example.com", undefined],
    ["alice.s.dev", undefined],
  ])("lets the URL of a space decide between several: %s", (authority, name) =>
    expect(lookup(twins, { ip: "10.0.0.1", port: 8080 }, authority)?.service.name).toBe(name),
  );

  test("takes an authority for a name of the cluster's DNS before it takes it for a URL", () => {
    const [own, other] = [
      service("dev", "web", { endpoints: ["10.0.0.1"] }),
      service("dev", "dev", { endpoints: ["10.0.0.1"] }),
    ];
    expect(lookup(tableOf(own, other), { ip: "10.0.0.1", port: 8080 }, "web.dev")?.service).toEqual(own);
    expect(lookup(tableOf(own, other), { ip: "10.0.0.1", port: 8080 }, "dev.dev")?.service).toEqual(other);
    expect(lookup(tableOf(own, other), { ip: "10.0.0.1", port: 8080 }, "dev.web")?.service).toEqual(own);
  });
  test("finds none when the authority does not decide", () => {
    expect(lookup(twins, { ip: "10.0.0.1", port: 8080 }, "other")).toBeUndefined();
    expect(lookup(twins, { ip: "10.0.0.1", port: 8080 })).toBeUndefined();
  });
});

function ports(...entries: readonly (readonly [string, number])[]): ServiceRecord["ports"] {
  return entries.map(([name, port]) => ({ name, port }));
}

describe("outboundCandidates()", () => {
  test("with a header: the nearest space upwards, then its ancestors", () => {
    expect(addresses(ask(FULL, WEB_DEV, { routeAs: "tiny" }))).toEqual(["10.96.0.2:80", "10.96.0.1:80"]);
    expect(addresses(ask(FULL, API_DEV, { routeAs: "tiny" }))).toEqual(["10.96.0.4:80", "10.96.0.3:80"]);
    expect(addresses(ask(FULL, API_DEV, { routeAs: "alice" }))).toEqual(["10.96.0.3:80"]);
  });

  test("with a header: the original address where the original Service is the nearest", () => {
    const original = { address: "10.0.0.1", port: 8080 };
    const answer = outboundCandidates(FULL, {
      ownSpace: "bob",
      routeAs: "bob",
      destination: destinationOf(WEB_DEV),
      original,
    });
    expect(answer.candidates).toEqual([{ ...original, space: "dev", service: "dev/web" }]);
  });

  test("with a header: an explicit namespace is routed as well", () => {
    expect(addresses(ask(FULL, WEB_DEV, { routeAs: "alice", authority: "web.dev" }))[0]).toBe("10.96.0.2:80");
  });

  test("skips a space whose Service has no ready endpoint", () => {
    const table = tableOf(WEB_DEV, { ...WEB_ALICE, endpoints: [] });
    expect(addresses(ask(table, WEB_DEV, { routeAs: "alice" }))).toEqual(["10.96.0.1:80"]);
  });

  test("without a header: the caller's space upwards", () => {
    expect(addresses(ask(FULL, WEB_ALICE, { ownSpace: "alice" }))).toEqual(["10.96.0.2:80", "10.96.0.1:80"]);
    const away = tableOf(WEB_DEV, { ...WEB_ALICE, endpoints: [] });
    expect(addresses(ask(away, WEB_ALICE, { ownSpace: "alice" }))).toEqual(["10.96.0.1:80"]);
  });

  test("without a header: an ancestor named by namespace stays", () => {
    expect(addresses(ask(FULL, WEB_DEV, { ownSpace: "alice", authority: "web.dev.svc.cluster.local" }))).toEqual([
      "10.96.0.1:80",
    ]);
  });

  test("without a header: a destination outside the caller's chain stays", () => {
    expect(addresses(ask(FULL, WEB_ALICE, { ownSpace: "bob" }))).toEqual(["10.96.0.2:80"]);
  });

  test("says that a space is unknown, and goes on without it", () => {
    const answer = ask(FULL, WEB_DEV, { routeAs: "nope" });
    expect(answer.unknownSpace).toBeTrue();
    expect(addresses(answer)).toEqual(["10.96.0.1:80"]);
  });

  test("never leaves a pinned Service", () => {
    expect(addresses(ask(FULL, { ...WEB_DEV, pinned: true }, { routeAs: "alice" }))).toEqual(["10.96.0.1:80"]);
  });

  test("keeps the original destination when nobody is ready", () => {
    const table = tableOf({ ...WEB_DEV, endpoints: [] });
    expect(addresses(ask(table, WEB_DEV, { routeAs: "alice" }))).toEqual(["10.96.0.1:80"]);
  });

  test("maps ports by name, then by number, and skips a Service without a fitting one", () => {
    const named = tableOf(WEB_DEV, { ...WEB_ALICE, ports: ports(["other", 80], ["http", 8081]) });
    expect(addresses(ask(named, WEB_DEV, { routeAs: "alice" }))[0]).toBe("10.96.0.2:8081");
    const numbered = tableOf(WEB_DEV, { ...WEB_ALICE, ports: ports(["web", 80]) });
    expect(addresses(ask(numbered, WEB_DEV, { routeAs: "alice" }))[0]).toBe("10.96.0.2:80");
    const neither = tableOf(WEB_DEV, { ...WEB_ALICE, ports: ports(["web", 81]) });
    expect(addresses(ask(neither, WEB_DEV, { routeAs: "alice" }))).toEqual(["10.96.0.1:80"]);
  });

  test("reaches a headless Service at a ready endpoint and its target port", () => {
    const table = tableOf(WEB_DEV, { ...WEB_ALICE, ips: [], endpoints: ["10.0.0.2", "10.0.0.7"] });
    expect(addresses(ask(table, WEB_DEV, { routeAs: "alice", pick: (count) => count - 1 }))[0]).toBe("10.0.0.7:8080");
  });

  test("prefers the address family of the original destination", () => {
    const table = tableOf(WEB_DEV, { ...WEB_ALICE, ips: ["10.96.0.2", "fd00::2"] });
    const original = { address: "fd00::1", port: 80 };
    expect(addresses(ask(table, WEB_DEV, { routeAs: "alice", original }))[0]).toBe("fd00::2:80");
  });

  test("always answers, and only with Services of the name that are ready, or the original", () => {
    const space = fc.constantFrom("dev", "alice", "tiny", "bob", "nope");
    const arbitrary = fc.record({
      ownSpace: space,
      routeAs: fc.option(space, { nil: undefined }),
      ready: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ ownSpace, routeAs, ready }) => {
        const records = ["dev", "alice", "tiny"].map((name, i) =>
          service(name, "web", { ips: [`10.96.1.${i}`], endpoints: ready[i] === true ? [`10.0.1.${i}`] : [] }),
        );
        const [first] = records;
        if (first === undefined) return;
        const { candidates } = ask(tableOf(...records), first, { ownSpace, routeAs });
        expect(candidates.length).toBeGreaterThan(0);
        const lonely = candidates.length === 1 && candidates[0]?.service === "dev/web";
        expect(
          lonely ||
            candidates.every((candidate) =>
              records.some((record) => record.namespace === candidate.space && record.endpoints.length > 0),
            ),
        ).toBeTrue();
      }),
    );
  });
});

describe("inboundTarget()", () => {
  const original = { address: "10.0.0.1", port: 8080 };
  const at = (over: Partial<Parameters<typeof inboundTarget>[1]>) =>
    inboundTarget(FULL, { ownSpace: "dev", original, ...over });

  test("sends on to the nearer instance of the header's space", () => {
    expect(at({ routeAs: "alice" })).toEqual({
      address: "10.96.0.2",
      port: 80,
      space: "alice",
      service: "alice/web",
      pod: { address: "10.0.0.2", port: 8080 },
    });
    expect(at({ routeAs: "tiny" })?.service).toBe("alice/web");
  });

  test("stays without a header, with the own space, an unknown one, or one without a nearer instance", () => {
    for (const routeAs of [undefined, "dev", "nope", "bob"]) expect(at({ routeAs })).toBeUndefined();
  });

  test("stays at a pod whose own instance is the nearest", () => {
    expect(at({ ownSpace: "alice", routeAs: "tiny", original: { address: "10.0.0.2", port: 8080 } })).toBeUndefined();
  });

  test("stays at a port that belongs to no Service", () => {
    expect(at({ routeAs: "alice", original: { address: "10.0.0.1", port: 9999 } })).toBeUndefined();
  });

  test("stays at a port declared opaque, though its pod's port is another Service's too", () => {
    const opaque = {
      ...WEB_DEV,
      name: "raw",
      uid: "raw",
      ips: [],
      ports: WEB_DEV.ports.map((port) => ({ ...port, hint: "opaque" as const })),
    };
    const table = tableOf(WEB_DEV, WEB_ALICE, opaque, { ...WEB_ALICE, name: "raw", uid: "raw-alice", ips: [] });
    const question = { ownSpace: "dev", original, routeAs: "alice" };
    expect(inboundTarget(table, { ...question, authority: "raw" })).toBeUndefined();
    expect(inboundTarget(table, { ...question, authority: "web" })?.space).toBe("alice");
  });

  test("stays at a pinned Service", () => {
    expect(
      inboundTarget(tableOf({ ...WEB_DEV, pinned: true }, WEB_ALICE), { ownSpace: "dev", original, routeAs: "alice" }),
    ).toBeUndefined();
  });

  test("stays when the nearer instance is not ready", () => {
    expect(
      inboundTarget(tableOf(WEB_DEV, { ...WEB_ALICE, endpoints: [] }), { ownSpace: "dev", original, routeAs: "alice" }),
    ).toBeUndefined();
  });
});

function parse(host: string): ReturnType<typeof parseHost> {
  return parseHost(host, ".azds.localhost", FULL);
}

describe("parseHost()", () => {
  test("reads the forms with and without a child, in any case, with a port", () => {
    expect(parse("dev.web.azds.localhost")).toEqual({ root: "dev", service: "web" });
    expect(parse("Alice.S.dev.web.AZDS.localhost:8080")).toEqual({ routeAs: "alice", root: "dev", service: "web" });
  });

  test("accepts a foreign suffix only behind names of this tree", () => {
    expect(parse("alice.s.dev.web.example.com")).toEqual({ routeAs: "alice", root: "dev", service: "web" });
    expect(parse("dev.web.example.com")).toEqual({ root: "dev", service: "web" });
    for (const host of [
      "nope.s.dev.web.example.com",
      "dev.nope.example.com",
      "web.dev.svc.cluster.local",
      "example.com",
    ])
      expect(parse(host)).toBeUndefined();
  });

  test("refuses empty and superfluous labels", () => {
    for (const host of ["", ".azds.localhost", "web.azds.localhost", "alice.s.dev..azds.localhost", "[::1]:80"])
      expect(parse(host)).toBeUndefined();
    expect(parse("a.b.c.web.azds.localhost")).toBeUndefined();
  });
});

test("each space that a decision passes over is told, with its reason", () => {
  const idle = service("tiny", "web", { ips: ["10.96.0.9"] });
  const elsewhere = { ips: ["10.96.0.2"], endpoints: ["10.0.0.2"], ports: [{ name: "admin", port: 81 }] };
  const table = tableOf(WEB_DEV, idle, service("alice", "web", elsewhere));
  const passed: string[] = [];
  const tell = (space: string, why: string): void => void passed.push(`${space} ${why}`);
  expect(addresses(ask(table, WEB_DEV, { routeAs: "tiny", passed: tell }))).toEqual(["10.96.0.1:80"]);
  expect(passed.splice(0)).toEqual(["tiny no-endpoint", "alice no-port"]);
  ask(table, WEB_DEV, { routeAs: "bob", passed: tell });
  expect(passed.splice(0)).toEqual(["bob no-service"]);
  const original = { address: "10.0.0.1", port: 8080 };
  expect(inboundTarget(table, { ownSpace: "dev", routeAs: "tiny", original, passed: tell })).toBeUndefined();
  expect(passed).toEqual(["tiny no-endpoint", "alice no-port"]);
});

test("the snapshot of a table makes the same table, and there is none before the first", () => {
  expect(new RouteTable().snapshot).toBeUndefined();
  const copy = new RouteTable();
  if (FULL.snapshot !== undefined) copy.apply(FULL.snapshot);
  expect(copy.snapshot).toEqual(FULL.snapshot);
  expect(copy.ancestry("tiny")).toEqual(["tiny", "alice", "dev"]);
});
