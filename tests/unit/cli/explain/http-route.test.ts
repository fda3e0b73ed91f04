import { describe, expect, test } from "bun:test";
import { type HttpRequest, matchHttpRoute, parseHttpRoute } from "../../../../cli/explain/http-route.ts";
import { parseGateway } from "../../../../cli/explain/own-gateway.ts";
import { factsWith, short, way } from "./world.ts";

function route(name: string, spec: object, metadata: object = {}) {
  const found = parseHttpRoute({ metadata: { name, namespace: "dev", ...metadata }, spec });
  return found === undefined ? [] : [found];
}

function rule(service: string, match: object = {}, over: object = {}) {
  return { matches: [match], backendRefs: [{ name: service, port: 80 }], ...over };
}

const path = (value: string, type = "PathPrefix"): object => ({ path: { type, value } });

/** `<route>: <service>` */
function met(routes: Parameters<typeof matchHttpRoute>[0], over: Partial<HttpRequest> = {}): string {
  const found = matchHttpRoute(routes, { host: "shop.test", path: "/", method: "GET", fields: {}, ...over });
  return found === undefined ? "none" : `${found.route.name}: ${found.rule.backends[0]?.service}`;
}

describe("matchHttpRoute()", () => {
  const rules = [
    rule("root"),
    rule("cart", path("/cart")),
    rule("exact", path("/cart/list", "Exact")),
    rule("pattern", path("/v[0-9]+/.*", "RegularExpression")),
    rule("posts", { ...path("/cart"), method: "POST" }),
    rule("canary", { ...path("/cart"), headers: [{ name: "X-Canary", value: "yes" }] }),
    rule("search", { ...path("/cart"), queryParams: [{ name: "q", value: ".+", type: "RegularExpression" }] }),
    rule("broken", path("/(", "RegularExpression")),
  ];
  const shop = route("shop", { hostnames: ["Shop.test"], rules });

  test.each([
    ["/", {}, "shop: root"],
    ["/cart?x=1", {}, "shop: cart"],
    ["/carton", {}, "shop: root"],
    ["/cart/list", { method: "POST" }, "shop: exact"],
    ["/cart/list/2", { method: "POST" }, "shop: posts"],
    ["/cart", { fields: { "x-canary": "yes" } }, "shop: canary"],
    ["/cart", { fields: { "x-canary": "no" } }, "shop: cart"],
    ["/cart?q=shoes", {}, "shop: search"],
    ["/cart?q=", {}, "shop: cart"],
    // A prefix goes before every pattern.
    ["/v1/x", {}, "shop: root"],
    ["/", { host: "other.test" }, "none"],
  ] as const)("%s %j", (asked, over, answer) => expect(met(shop, { path: asked, ...over })).toBe(answer));

  test("prefers the nearer host, then the older route, then the first by name", () => {
    const any = route("any", { rules: [rule("any")] });
    const wide = route("wide", { hostnames: ["*.test"], rules: [rule("wide", path("/deep"))] });
    const wider = route("wider", { hostnames: ["*.a.test"], rules: [rule("wider")] });
    expect(met([...any, ...wide, ...shop], { path: "/deep" })).toBe("shop: root");
    expect(met([...any, ...wide, ...wider], { host: "x.y.a.test", path: "/deep" })).toBe("wider: wider");
    expect(met([...any, ...wide], { host: "x.y.test", path: "/" })).toBe("any: any");
    expect(met([...any, ...wide], { host: "test", path: "/deep" })).toBe("any: any");
    const twin = (name: string, created: string) =>
      route(name, { rules: [rule(name)] }, { creationTimestamp: created });
    const [young, old, other] = [twin("a", "2026-02-01"), twin("b", "2026-01-01"), twin("c", "2026-01-01")];
    expect(met([...young, ...other, ...old])).toBe("b: b");
  });

  test("leaves out what no Gateway serves", () => {
    expect(route("mesh", { parentRefs: [{ kind: "Service", name: "web" }], rules: [rule("web")] })).toEqual([]);
    expect(route("gone", { rules: [rule("web")] }, { deletionTimestamp: "2026-01-01" })).toEqual([]);
  });
});

describe("explain() of a host of an HTTPRoute", () => {
  const clone = { annotations: { "azds.io/clone-of": "dev/shop" } };
  const own = parseGateway({
    metadata: { namespace: "dev", name: "own" },
    spec: {
      listeners: [
        { name: "http", port: 80, protocol: "HTTP" },
        { name: "https", port: 443, protocol: "HTTPS" },
      ],
    },
  });
  const ask = (spec: object, metadata: object = {}) => {
    const httpRoutes = route("shop", { parentRefs: [{ name: "own" }], ...spec }, metadata);
    return { facts: factsWith({ dev: { httpRoutes, gateways: new Map([["dev/own", own]]) } }) };
  };
  const host = "alice.s.dev.web.example.com";

  test("goes on to the child that the host names", () => {
    const found = way(`https://${host}/cart`, ask({ hostnames: [host], rules: [rule("web")] }, clone));
    expect(`${found.entry} ${short(found)}`).toBe("http-route alice/web nearer: web-2");
    expect(found.steps[1]).toEqual({
      step: "entry",
      what: "HTTPRoute dev/shop",
      why: "it has this host and path, for the Service `web`; its Gateway is your own, made by azds from `dev/shop` for a child",
    });
    expect(found.steps[2]).toEqual({
      step: "listener",
      what: "`https` of Gateway dev/own",
      why: "it takes HTTPS on port 443 for every host",
    });
  });

  test("ends where no listener takes the host for it, and goes on where a Gateway may not be read", () => {
    const named = (parentRefs: readonly object[]) =>
      way("http://a.test/", ask({ parentRefs, hostnames: ["a.test"], rules: [rule("web")] }));
    const closed = named([{ name: "own", sectionName: "https" }]);
    expect(closed.answer).toBeUndefined();
    expect(closed.steps.slice(1)).toEqual([
      { step: "entry", what: "HTTPRoute dev/shop", why: "it has this host" },
      { step: "listener", what: "not `https` of Gateway dev/own", why: "it takes TLS alone" },
      { step: "answer", what: "nobody", why: "no listener of a Gateway takes this host for the HTTPRoute" },
    ]);
    const hidden = named([{ name: "hidden", namespace: "infra" }]);
    expect(short(hidden)).toBe("dev/web here: web-1");
    expect(hidden.steps[2]?.why).toBe("Gateway `infra/hidden` may not be read: it is taken for granted");
  });

  test("leaves a rule to the HTTPRoute that the listener is for", () => {
    const redirect = { type: "RequestRedirect", requestRedirect: { scheme: "https" } };
    const shop = { parentRefs: [{ name: "own", sectionName: "https" }], hostnames: ["a.test"], rules: [rule("web")] };
    const up = {
      parentRefs: [{ name: "own", sectionName: "http" }],
      hostnames: ["a.test"],
      rules: [{ filters: [redirect] }],
    };
    const both = [...route("shop", shop), ...route("up", up)];
    const facts = factsWith({ dev: { httpRoutes: both, gateways: new Map([["dev/own", own]]) } });
    expect(short(way("https://a.test/", { facts }))).toBe("dev/web here: web-1");
    expect(way("http://a.test/", { facts }).steps.at(-1)?.what).toBe("302 to `https://a.test/`");
  });

  test("says what the rule went by, and that no rule wants what else comes to its host", () => {
    const match = {
      method: "POST",
      headers: [{ name: "X-Canary", value: "yes" }],
      queryParams: [{ name: "q", value: "1" }],
    };
    const spec = ask({ hostnames: ["a.test"], rules: [rule("web", match)] });
    const wanted = way("http://a.test/?q=1", { ...spec, method: "POST", fields: { "x-canary": "yes" } });
    expect(short(wanted)).toBe("dev/web here: web-1");
    expect(wanted.steps[1]?.why).toStartWith(
      "it has this host, path, method, header `x-canary` and query `q`, for the",
    );
    const unwanted = way("http://a.test/?q=1", { ...spec, method: "POST" });
    expect(unwanted.answer).toBeUndefined();
    expect(unwanted.steps.at(-1)).toEqual({
      step: "answer",
      what: "404",
      why: "no rule for this host has this path, method, headers and query",
    });
  });

  test("takes the heaviest Service, which may stand in another namespace", () => {
    const backendRefs = [
      { name: "web", port: 80, weight: 1 },
      { name: "web", port: 80, weight: 9, namespace: "alice" },
      { name: "api", port: 80, weight: 0 },
    ];
    const found = way("http://a.test/", ask({ hostnames: ["a.test"], rules: [{ backendRefs }] }));
    expect(short(found)).toBe("alice/web here: web-2");
    expect(found.steps[1]?.why).toContain("for the Service `web`, the first of 2 by weight;");
  });

  const filtered = (filters: readonly object[], over: object = {}) =>
    ask({ hostnames: ["a.test"], rules: [rule("web", {}, { filters, ...over })] });
  const setsSpace = (space: string): object => ({
    type: "RequestHeaderModifier",
    requestHeaderModifier: { set: [{ name: "Azds-Route-As", value: space }] },
  });
  const baggage = {
    type: "RequestHeaderModifier",
    requestHeaderModifier: { add: [{ name: "baggage", value: "azds-route-as=alice" }] },
  };
  const rewrite = { type: "URLRewrite", urlRewrite: { hostname: host } };

  test("sees host and headers as the filters of the rule, then those of the backend leave them", () => {
    const of = (filters: readonly object[], header?: string): string =>
      short(way("http://a.test/", { ...filtered(filters), ...(header === undefined ? {} : { header }) }));
    expect(of([])).toBe("dev/web here: web-1");
    expect(of([rewrite])).toBe("alice/web nearer: web-2");
    expect(of([setsSpace("ALICE")])).toBe("alice/web nearer: web-2");
    expect(of([setsSpace("dev")], "alice")).toBe("dev/web here: web-1");
    expect(of([baggage])).toBe("alice/web nearer: web-2");
    const removes = { type: "RequestHeaderModifier", requestHeaderModifier: { remove: ["azds-route-as"] } };
    expect(of([removes], "alice")).toBe("dev/web here: web-1");
    const backendRefs = [{ name: "web", port: 80, filters: [setsSpace("dev")] }];
    const found = way("http://a.test/", filtered([setsSpace("alice")], { backendRefs }));
    expect(short(found)).toBe("dev/web here: web-1");
    expect(found.steps.filter(({ step }) => step === "filter")).toEqual([
      { step: "filter", what: "sets `azds-route-as: alice`", why: "RequestHeaderModifier of the rule says so" },
      {
        step: "filter",
        what: "sets `azds-route-as: dev`",
        why: "RequestHeaderModifier of its backend `web` says so",
      },
    ]);
  });

  test("says where the client is redirected, by the rule or a backend", () => {
    const redirect = { type: "RequestRedirect", requestRedirect: { hostname: "b.test", statusCode: 301 } };
    const backendRefs = [{ name: "web", port: 80, filters: [redirect] }];
    for (const spec of [filtered([redirect]), filtered([], { backendRefs })]) {
      const found = way("http://a.test/x", spec);
      expect(found.answer).toBeUndefined();
      expect(found.steps[1]?.why).toStartWith("it has this host and path, for a rule that redirects the client;");
      expect(found.steps.at(-1)).toEqual({
        step: "answer",
        what: "301 to `http://b.test/x`",
        why: "its Gateway redirects the client: `azds route explain http://b.test/x` says what comes then",
      });
    }
  });

  test("names filters that it does not look into, and goes on", () => {
    const found = way("http://a.test/", filtered([{ type: "RequestMirror" }, setsSpace("alice")]));
    expect(short(found)).toBe("alice/web nearer: web-2");
    expect(found.steps[3]).toEqual({
      step: "filter",
      what: "RequestMirror",
      why: "the copies that it sends elsewhere are not looked into",
    });
  });

  test("ends where a rule has no Service, or names none that exists", () => {
    const end = (over: object): string => {
      const found = way("http://a.test/", ask({ hostnames: ["a.test"], rules: [rule("web", {}, over)] }));
      return `${found.answer?.service ?? "nobody"}: ${found.steps.at(-1)?.why}`;
    };
    expect(end({ backendRefs: [] })).toContain("nobody: it has this host and path, for a rule without any Service");
    expect(end({ backendRefs: [{ name: "wrong", port: 80 }] })).toStartWith("nobody: the HTTPRoute names a Service");
    expect(end({ backendRefs: [{ name: "web", port: 81 }] })).toStartWith("nobody: the Service has only 80");
  });
});
