import { expect, test } from "bun:test";
import { at } from "../../../../core/parse.ts";
import { type Original, wantedClones } from "../../../../controller/ingress/clones.ts";

const HEIRS = new Map([["dev", ["alice"]]]);

function route(name: string, hostnames: readonly string[], rules: readonly object[]): Original {
  const apiVersion = "gateway.networking.k8s.io/v1";
  return {
    kind: "HTTPRoute",
    apiVersion,
    namespace: "dev",
    name,
    uid: name,
    annotations: {},
    spec: { hostnames, rules },
  };
}

/** The only rule of the clone. */
function cloned(rule: object): unknown {
  const originals = [route("shop", ["dev.shop.test"], [rule]), route("api", ["dev.api.test"], [])];
  const clone = wantedClones(originals, HEIRS).find(({ name }) => name === "shop-alice-azds");
  return at(clone?.object, "spec", "rules", 0);
}

const redirect = (hostname: string): object => ({ type: "RequestRedirect", requestRedirect: { hostname, port: 443 } });
const rewrite = (hostname: string): object => ({ type: "URLRewrite", urlRewrite: { hostname } });
const headers = (requestHeaderModifier: object): object => ({ type: "RequestHeaderModifier", requestHeaderModifier });
const named = headers({ add: [{ name: "azds-route-as", value: "alice" }] });

test("a clone redirects and rewrites to the child's form of hosts that the space has, wherever the filter stands", () => {
  const rule = (host: string): object => ({
    filters: [redirect(`${host}shop.test`)],
    backendRefs: [{ name: "web", port: 80, filters: [rewrite(`${host}api.test`)] }],
  });
  expect(cloned(rule("dev."))).toEqual(rule("alice.s.dev."));
});

test("a clone redirects elsewhere as it is written", () => {
  const rule = {
    filters: [redirect("dev.azure.com"), { type: "RequestRedirect", requestRedirect: { scheme: "https" } }],
  };
  expect(cloned(rule)).toEqual(rule);
});

test("a clone whose rule rewrites to a host of no space names the child by header", () => {
  expect(cloned({ filters: [rewrite("web.internal")] })).toEqual({ filters: [rewrite("web.internal"), named] });
  const change = { set: [{ name: "x-env", value: "dev" }] };
  const merged = headers({ ...change, add: [{ name: "azds-route-as", value: "alice" }] });
  expect(cloned({ filters: [headers(change), rewrite("web.internal")] })).toEqual({
    filters: [merged, rewrite("web.internal")],
  });
  const backend = (filters: readonly object[]): object => ({ backendRefs: [{ name: "web", port: 80, filters }] });
  expect(cloned(backend([rewrite("web.internal")]))).toEqual(backend([rewrite("web.internal"), named]));
});

test("a clone leaves a space alone that the user has written", () => {
  for (const change of [
    { set: [{ name: "Azds-Route-As", value: "bob" }] },
    { add: [{ name: "azds-route-as", value: "bob" }] },
    { remove: ["azds-route-as"] },
  ]) {
    const one = { filters: [headers(change), rewrite("web.internal")] };
    expect(cloned(one)).toEqual(one);
    const two = {
      filters: [headers(change)],
      backendRefs: [{ name: "web", port: 80, filters: [rewrite("web.internal")] }],
    };
    expect(cloned(two)).toEqual(two);
  }
});

test("a clone keeps what says nothing of hosts", () => {
  const rule = {
    matches: [{ headers: [{ name: "x", value: "y" }] }],
    filters: [
      headers({ set: [{ name: "x", value: "y" }] }),
      { type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/x" } } },
      { type: "ExtensionRef", extensionRef: { group: "traefik.io", kind: "Middleware", name: "auth" } },
    ],
    backendRefs: [{ name: "web", port: 80 }],
    timeouts: { request: "5s" },
  };
  expect(cloned(rule)).toEqual(rule);
});
