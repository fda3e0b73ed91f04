import { expect, test } from "bun:test";
import type { IngressRecord } from "../../../core/route-table.ts";
import { RouteTable } from "../../../core/routing.ts";
import { matchIngress } from "../../../core/ingress-match.ts";

interface Plan {
  readonly namespace?: string;
  readonly name?: string;
  readonly fallback?: string;
  /** `host path` or `host =exact`, to a Service of the rule's own name. */
  readonly rules?: readonly string[];
}

function record({ namespace = "dev", name = "x", fallback, rules = [] }: Plan): IngressRecord {
  return {
    namespace,
    name,
    certificates: [],
    ...(fallback === undefined ? {} : { fallback: { service: fallback, port: 80 } }),
    rules: rules.map((rule) => {
      const [host = "", path = "/"] = rule.split(" ");
      const exact = path.startsWith("=");
      return { host, path: exact ? path.slice(1) : path, exact, backend: { service: rule, port: 80 } };
    }),
  };
}

function found(records: readonly IngressRecord[], host: string, path = "/"): string | undefined {
  const table = new RouteTable();
  const spaces = [{ name: "dev" }, { name: "alice", parent: "dev" }, { name: "other" }];
  table.apply({ type: "snapshot", version: { replica: "a", counter: 1 }, spaces, services: [], ingresses: records });
  const match = matchIngress(table, { host, path, hostSuffix: ".gw.test" });
  return match === undefined
    ? undefined
    : `${match.backend.service}${match.child === undefined ? "" : ` as ${match.child}`}`;
}

test("matchIngress() takes the longest path by whole elements, Exact first", () => {
  const records = [record({ rules: ["h.test /", "h.test /a", "h.test /a/b/", "h.test =/a"] })];
  expect(found(records, "h.test", "/ab")).toBe("h.test /");
  expect(found(records, "h.test", "/a")).toBe("h.test =/a");
  expect(found(records, "h.test", "/a/x")).toBe("h.test /a");
  expect(found(records, "h.test", "/a/b")).toBe("h.test /a/b/");
  expect(found(records, "h.test", "/a/b/c")).toBe("h.test /a/b/");
});

test("matchIngress() prefers the host itself, then a child's form, then a wildcard of one label, then any", () => {
  const records = [record({ rules: ["h.test /", "*.test /", " /"] })];
  expect(found(records, "h.test")).toBe("h.test /");
  expect(found(records, "alice.s.h.test")).toBe("h.test / as alice");
  expect(found(records, "i.test")).toBe("*.test /");
  expect(found(records, "a.i.test")).toBe(" /");
  expect(found([record({ rules: ["h.test /"] })], "other.s.h.test")).toBeUndefined();
});

test("matchIngress() gives the default backend to what no rule of its Ingress names", () => {
  expect(found([record({ fallback: "rest", rules: ["h.test /a"] })], "h.test", "/b")).toBe("rest");
  expect(found([record({ fallback: "rest", rules: ["h.test /a"] })], "i.test", "/b")).toBeUndefined();
  expect(found([record({ fallback: "rest" })], "i.test")).toBe("rest");
});

test("matchIngress() lets nobody take over a host of another tree", () => {
  const stolen = record({ namespace: "other", rules: ["dev.web.gw.test /"] });
  expect(found([stolen], "dev.web.gw.test")).toBeUndefined();
  expect(found([stolen, record({ rules: ["dev.web.gw.test /own"] })], "dev.web.gw.test", "/own")).toBe(
    "dev.web.gw.test /own",
  );
});
