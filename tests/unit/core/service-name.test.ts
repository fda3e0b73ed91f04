import { describe, expect, test } from "bun:test";
import type { ServiceRecord } from "../../../core/route-table.ts";
import { RouteTable } from "../../../core/routing.ts";
import { parseServiceName, resolveService } from "../../../core/service-name.ts";

function service(namespace: string, name: string, at: Pick<ServiceRecord, "ips" | "endpoints">): ServiceRecord {
  return { namespace, name, uid: `${namespace}/${name}`, ...at, ports: [{ name: "", port: 80 }] };
}

function found(space: string, authority: string): string | undefined {
  const table = new RouteTable();
  table.apply({
    type: "snapshot",
    version: { replica: "a", counter: 1 },
    spaces: [{ name: "dev" }, { name: "alice", parent: "dev" }],
    services: [
      service("dev", "web", { ips: ["10.96.0.1"], endpoints: [] }),
      service("alice", "web", { ips: [], endpoints: [] }),
      service("dev", "api", { ips: ["10.96.0.2"], endpoints: [] }),
      service("alice", "api", { ips: [], endpoints: ["10.0.0.1"] }),
    ],
  });
  const name = parseServiceName(authority);
  const record = name === undefined ? undefined : resolveService(table, space, name);
  return record === undefined ? undefined : `${record.namespace}/${record.name}`;
}

describe("parseServiceName()", () => {
  test.each([
    ["web", { name: "web" }],
    ["web:8080", { name: "web" }],
    ["Web.Dev", { name: "web", namespace: "dev" }],
    ["web.dev.svc", { name: "web", namespace: "dev" }],
    ["web.dev.svc.cluster.local.:80", { name: "web", namespace: "dev" }],
    ["dev.web.azds.localhost", undefined],
    ["web.dev.example.com", undefined],
    ["10.0.0.1", undefined],
    ["[::1]:80", undefined],
    ["web..svc", undefined],
    ["", undefined],
  ])("%s", (authority, name) => {
    expect(parseServiceName(authority)).toEqual(name);
  });
});

test("resolveService() goes upwards as the search list does, past headless Services without a pod", () => {
  expect(found("alice", "api")).toBe("alice/api");
  expect(found("alice", "web")).toBe("dev/web");
  expect(found("dev", "api")).toBe("dev/api");
  expect(found("dev", "api.alice")).toBe("alice/api");
  expect(found("alice", "nothing")).toBeUndefined();
  expect(found("alice", "web.other.svc")).toBeUndefined();
});
