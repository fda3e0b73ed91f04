import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../../../cli/explain/address.ts";
import { admissions } from "../../../../cli/explain/admission.ts";
import { parseHttpRoute } from "../../../../cli/explain/http-route.ts";
import { type GatewayFact, parseGateway } from "../../../../cli/explain/own-gateway.ts";

const HTTP = { name: "http", port: 80, protocol: "HTTP" };
const HTTPS = { name: "https", port: 443, protocol: "HTTPS" };

interface Ask {
  readonly url?: string;
  readonly parentRefs?: readonly object[];
  readonly listeners?: readonly object[];
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** In place of the Gateway `infra/main`. */
  readonly fact?: GatewayFact;
}

const MAIN = { name: "main", namespace: "infra" };

/** `<served?> <what>: <why>` of a route in `dev` that names `infra/main`. */
function told({ url = "http://shop.test/", parentRefs = [MAIN], listeners = [HTTP], labels, fact }: Ask = {}): string {
  const route = parseHttpRoute({ metadata: { namespace: "dev", name: "shop" }, spec: { parentRefs } });
  if (route === undefined) return "no route";
  const main = parseGateway({ metadata: { namespace: "infra", name: "main" }, spec: { listeners } });
  const gateways = new Map([["infra/main", fact ?? main]]);
  const [admission] = admissions([{ route, labels, gateways }], parseAddress(url));
  const steps = admission?.steps.map(({ what, why }) => `${what}: ${why}`) ?? [];
  return `${admission?.isServed === true ? "yes" : "no"} ${steps.join("; ")}`;
}

const all = (listener: object): object => ({ ...listener, allowedRoutes: { namespaces: { from: "All" } } });
const open = (over: object = {}): object => all({ ...HTTP, ...over });
const selecting = (selector: object): object => ({
  ...HTTP,
  allowedRoutes: { namespaces: { from: "Selector", selector } },
});

describe("admissions()", () => {
  test.each([
    [{ listeners: [open()] }, "yes `http` of Gateway infra/main: it takes HTTP on port 80 for every host"],
    [
      { listeners: [open({ hostname: "*.Test" })] },
      "yes `http` of Gateway infra/main: it takes HTTP on port 80 for `*.test`",
    ],
    [
      { listeners: [open({ port: 8000 })] },
      "yes `http` of Gateway infra/main: it takes HTTP on port 8000 for every host; port 80 has to lead to it",
    ],
    [
      { url: "https://shop.test/", listeners: [open()] },
      "yes `http` of Gateway infra/main: it takes HTTP on port 80 for every host; port 443 has to lead to it; TLS has to end before it",
    ],
    [{ listeners: [all(HTTPS)] }, "no not `https` of Gateway infra/main: it takes TLS alone"],
    [
      { listeners: [open({ protocol: "TLS" })] },
      "no not `http` of Gateway infra/main: it takes TLS, which HTTPRoutes are not for",
    ],
    [{ listeners: [open({ hostname: "test" })] }, "no not `http` of Gateway infra/main: its host `test` is another"],
    [{ url: "http://a.b.test/", listeners: [open({ hostname: "*.test" })] }, "yes `http` of Gateway infra/main"],
    [{ url: "http://test/", listeners: [open({ hostname: "*.test" })] }, "no not `http` of Gateway infra/main"],
  ] as const)("by host, port and protocol: %j", (ask, answer) => expect(told(ask)).toStartWith(answer));

  test.each([
    [{}, "no not `http` of Gateway infra/main: it lets routes of namespace `infra` in alone"],
    [
      { listeners: [{ ...HTTP, allowedRoutes: { namespaces: { from: "None" } } }] },
      "no not `http` of Gateway infra/main: it lets no routes in",
    ],
    [
      { listeners: [{ ...HTTP, allowedRoutes: { kinds: [{ kind: "GRPCRoute" }], namespaces: { from: "All" } } }] },
      "no not `http` of Gateway infra/main: it lets no HTTPRoutes in",
    ],
    [
      { listeners: [selecting({ matchLabels: { team: "a" } })], labels: { team: "a" } },
      "yes `http` of Gateway infra/main",
    ],
    [
      { listeners: [selecting({ matchLabels: { team: "a" } })], labels: { team: "b" } },
      "no not `http` of Gateway infra/main: it selects namespaces by labels that `dev` lacks",
    ],
    [
      { listeners: [selecting({ matchExpressions: [{ key: "team", operator: "In", values: ["a", "b"] }] })] },
      "yes not known: the labels of namespace `dev` may not be read, which `http` of Gateway infra/main selects by",
    ],
  ] as const)("by the namespaces and kinds that it lets in: %j", (ask, answer) =>
    expect(told(ask)).toStartWith(answer),
  );

  test.each([
    ["In", ["a"], "yes no no"],
    ["NotIn", ["a"], "no yes yes"],
    ["Exists", [], "yes yes no"],
    ["DoesNotExist", [], "no no yes"],
    ["Gt", ["1"], "no no no"],
  ] as const)("by labels of which one is %s %j: %s", (operator, values, answer) => {
    const listeners = [selecting({ matchExpressions: [{ key: "team", operator, values }] })];
    const namespaces: readonly Ask["labels"][] = [{ team: "a" }, { team: "b" }, {}];
    expect(namespaces.map((labels) => told({ listeners, labels }).split(" ")[0]).join(" ")).toBe(answer);
  });

  test("by the listener that the route names", () => {
    const listeners = [open(), open({ name: "other", port: 8000 })];
    const named = (over: object): string => told({ listeners, parentRefs: [{ ...MAIN, ...over }] });
    expect(named({ sectionName: "http", port: 80 })).toStartWith("yes `http`");
    expect(named({ sectionName: "wrong" })).toBe(
      "no not Gateway infra/main: it has no listener `wrong`, as the HTTPRoute names it",
    );
    expect(named({ sectionName: "http", port: 8000 })).toContain("it has no listener `http` on port 8000,");
    expect(named({ sectionName: "other" })).toBe(
      "no not `other` of Gateway infra/main: `http` of Gateway infra/main fits the URL's scheme and port better",
    );
    expect(told({ listeners: [open(), all(HTTPS)], url: "https://shop.test/" })).toStartWith("yes `https`");
  });

  test("by the listener with the nearest host of a port, whether it lets the route in or not", () => {
    const near = { ...HTTP, name: "near", hostname: "shop.test" };
    const wide = open({ hostname: "*.test" });
    expect(told({ listeners: [wide, open(near)] })).toStartWith("yes `near`");
    expect(told({ listeners: [wide, near] })).toBe(
      "no not `http` of Gateway infra/main: `near` of Gateway infra/main has a nearer host; not `near` of Gateway infra/main: it lets routes of namespace `infra` in alone",
    );
  });

  test("says what is not there, and takes for granted what may not be read", () => {
    expect(told({ parentRefs: [] })).toBe("no none: the HTTPRoute names no Gateway");
    expect(told({ fact: "absent" })).toBe("no not Gateway infra/main: there is none");
    expect(told({ fact: "unreadable" })).toBe(
      "yes not known: Gateway `infra/main` may not be read: it is taken for granted",
    );
    expect(told({ parentRefs: [{ ...MAIN, kind: "ListenerSet" }] })).toBe(
      "yes not known: ListenerSet `infra/main` is not looked into: it is taken for granted",
    );
  });
});
