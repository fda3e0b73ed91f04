import { expect, test } from "bun:test";
import { parseService, parseSlice, recordOf } from "../../../../controller/index/service.ts";
import type { JsonObject } from "../../../../core/parse.ts";
import type { ServiceRecord } from "../../../../core/route-table.ts";
import { service, slice } from "../objects.ts";

function record(object: JsonObject, ...slices: readonly JsonObject[]): ServiceRecord {
  const parsed = parseService(object);
  if (parsed === undefined) throw new Error("The test's Service is none");
  return recordOf(
    parsed,
    slices.flatMap((entry) => parseSlice(entry) ?? []),
  );
}

function sliceOn(port: number, suffix: string): JsonObject {
  return slice("dev", "web", { ready: ["10.1.0.1"], ports: [{ name: "http", port }], suffix });
}

test("recordOf() joins a Service with the ready addresses of all its slices", () => {
  const slices = [
    slice("dev", "web", { ready: ["10.1.0.9", "10.1.0.2"], unready: ["10.1.0.3"] }),
    slice("dev", "web", { ready: ["10.1.0.2", "10.1.0.1"], suffix: "y" }),
  ];
  expect(record(service("dev", "web"), ...slices)).toEqual({
    namespace: "dev",
    name: "web",
    uid: "dev-web",
    ips: ["10.0.0.1"],
    ports: [{ name: "", port: 80, target: 8080 }],
    endpoints: ["10.1.0.1", "10.1.0.2", "10.1.0.9"],
  });
});

test("recordOf() takes an endpoint without conditions as ready", () => {
  const bare = { ...slice("dev", "web"), endpoints: [{ addresses: ["10.1.0.1"] }] };
  expect(record(service("dev", "web"), bare).endpoints).toEqual(["10.1.0.1"]);
});

test("recordOf() resolves a named target by the slices and leaves it out where they differ", () => {
  const named = service("dev", "web", { ports: [{ name: "http", port: 80, targetPort: "web" }] });
  expect(record(named, sliceOn(3000, "a"), sliceOn(3000, "b")).ports).toEqual([
    { name: "http", port: 80, target: 3000, hint: "http" },
  ]);
  expect(record(named, sliceOn(3000, "a"), sliceOn(4000, "b")).ports).toEqual([
    { name: "http", port: 80, hint: "http" },
  ]);
  expect(record(named).ports).toEqual([{ name: "http", port: 80, hint: "http" }]);
});

test("recordOf() ignores the ports of a slice without endpoints", () => {
  const empty = slice("dev", "web", { ports: [{ name: "", port: 1 }], suffix: "old" });
  expect(record(service("dev", "web"), empty).ports).toEqual([{ name: "", port: 80, target: 8080 }]);
});

test("parseService() keeps TCP ports only and takes the port itself where no target is given", () => {
  const ports = [
    { name: "dns", port: 53, protocol: "UDP" },
    { name: "web", port: 80 },
  ];
  expect(record(service("dev", "web", { ports })).ports).toEqual([{ name: "web", port: 80, target: 80 }]);
});

test("parseService() gives a headless Service no address and passes over ExternalName", () => {
  expect(parseService(service("dev", "web", { clusterIPs: ["None"] }))?.ips).toEqual([]);
  expect(parseService(service("dev", "web", { clusterIPs: undefined, clusterIP: "10.0.0.7" }))?.ips).toEqual([
    "10.0.0.7",
  ]);
  expect(parseService(service("dev", "web", { type: "ExternalName" }))).toBeUndefined();
});

test.each([
  ["", true],
  ["true", true],
  ["false", false],
])("parseService() reads the no-route annotation %p as pinned = %p", (value, pinned) => {
  const object = service("dev", "web");
  const annotated = {
    ...object,
    metadata: { namespace: "dev", name: "web", annotations: { "azds.io/no-route": value } },
  };
  expect(parseService(annotated)?.pinned).toBe(pinned);
});

test("parseSlice() passes over slices of no Service and of host names", () => {
  expect(parseSlice({ ...slice("dev", "web"), metadata: { namespace: "dev", name: "x" } })).toBeUndefined();
  expect(parseSlice({ ...slice("dev", "web"), addressType: "FQDN" })).toBeUndefined();
});
