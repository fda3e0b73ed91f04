import { describe, expect, test } from "bun:test";
import { applyFilters, type Filtered, parseFilters, type Passing } from "../../../../cli/explain/http-filter.ts";

const REQUEST: Passing = { scheme: "http", authority: "a.test:8080", path: "/foo/bar?q=1", fields: { "x-a": "1" } };

function filtered(filters: readonly object[], over: Partial<Passing> = {}, prefix?: string): Filtered {
  const placed = parseFilters(filters).map((filter) => ({ filter, at: "the rule" }));
  return applyFilters(placed, { ...REQUEST, ...over }, prefix);
}

const headers = (requestHeaderModifier: object): object => ({ type: "RequestHeaderModifier", requestHeaderModifier });
const rewrite = (urlRewrite: object): object => ({ type: "URLRewrite", urlRewrite });
const redirect = (requestRedirect: object): object => ({ type: "RequestRedirect", requestRedirect });

describe("applyFilters()", () => {
  test("sets, adds and removes header fields, whatever their case", () => {
    const change = {
      set: [{ name: "X-A", value: "2" }],
      add: [
        { name: "Baggage", value: "b=2" },
        { name: "azds-route-as", value: "alice" },
        { name: "x-new", value: "secret" },
      ],
      remove: ["X-Gone"],
    };
    const fields = { "x-a": "1", "x-gone": "1", baggage: "a=1", "azds-route-as": "bob" };
    const { fields: sent, steps } = filtered([headers(change)], { fields });
    // The first line of the route header is the client's own.
    expect(sent).toEqual({ "x-a": "2", baggage: "a=1,b=2", "azds-route-as": "bob", "x-new": "secret" });
    expect(steps.map(({ what }) => what)).toEqual([
      "sets `x-a`, adds `baggage: b=2`, adds `azds-route-as: alice`, adds `x-new`, removes `x-gone`",
    ]);
    expect(filtered([headers(change)]).fields["azds-route-as"]).toBe("alice");
  });

  // HTTPPathModifier's table.
  test.each([
    ["/foo/bar", { of: "/foo", to: "/xyz" }, "/xyz/bar"],
    ["/foo/bar", { of: "/foo", to: "/xyz/" }, "/xyz/bar"],
    ["/foo/bar", { of: "/foo/", to: "/xyz" }, "/xyz/bar"],
    ["/foo/bar", { of: "/foo/", to: "/xyz/" }, "/xyz/bar"],
    ["/foo", { of: "/foo", to: "/xyz" }, "/xyz"],
    ["/foo/", { of: "/foo", to: "/xyz" }, "/xyz/"],
    ["/foo/bar", { of: "/foo", to: "" }, "/bar"],
    ["/foo/", { of: "/foo", to: "" }, "/"],
    ["/foo", { of: "/foo", to: "" }, "/"],
    ["/foo/", { of: "/foo", to: "/" }, "/"],
    ["/foo?q=/", { of: "/foo", to: "/" }, "/?q=/"],
    ["/foo", { of: "/", to: "/xyz" }, "/xyz/foo"],
  ])("%s with the prefix replaced as %j says becomes %s", (path, { of, to }, expected) => {
    const filter = rewrite({ path: { type: "ReplacePrefixMatch", replacePrefixMatch: to } });
    expect(filtered([filter], { path }, of).path).toBe(expected);
  });

  test("replaces whole paths and the host, and tells both", () => {
    const { authority, path, steps } = filtered([rewrite({ hostname: "b.test", path: { replaceFullPath: "/y" } })]);
    expect({ authority, path }).toEqual({ authority: "b.test", path: "/y?q=1" });
    expect(steps[0]).toEqual({
      step: "filter",
      what: "host `b.test`, path `/y?q=1`",
      why: "URLRewrite of the rule says so",
    });
    // A rule that went by a pattern has no prefix.
    expect(filtered([rewrite({ path: { replacePrefixMatch: "/y" } })]).path).toBe("/foo/bar?q=1");
  });

  test.each([
    [{}, "302 http://a.test:8080/foo/bar?q=1"],
    [{ scheme: "https", statusCode: 301 }, "301 https://a.test/foo/bar?q=1"],
    [{ scheme: "https", port: 8443 }, "302 https://a.test:8443/foo/bar?q=1"],
    [{ hostname: "b.test", port: 80 }, "302 http://b.test/foo/bar?q=1"],
    [{ path: { replacePrefixMatch: "/x" } }, "302 http://a.test:8080/x/bar?q=1"],
  ])("redirects with %j: %s", (change, expected) => {
    const { redirect: found } = filtered([redirect(change)], {}, "/foo");
    expect(`${found?.status} ${found?.location}`).toBe(expected);
  });

  test("ends with a redirect", () => {
    const { steps } = filtered([redirect({}), rewrite({ hostname: "b.test" })]);
    expect(steps.map(({ what }) => what)).toEqual(["302 to `http://a.test:8080/foo/bar?q=1`"]);
  });

  test("names what it does not look into, and leaves out what is about the answer", () => {
    const extensionRef = { group: "traefik.io", kind: "Middleware", name: "auth" };
    const { steps, ...sent } = filtered([
      { type: "ResponseHeaderModifier" },
      { type: "ExtensionRef", extensionRef },
      { type: "ExternalAuth" },
    ]);
    expect(sent).toEqual({ ...REQUEST, redirect: undefined });
    expect(steps.map(({ what, why }) => `${what}: ${why.slice(0, 24)}`)).toEqual([
      "ExtensionRef traefik.io/Middleware/auth: it is not looked into: w",
      "ExternalAuth: it is not looked into: w",
    ]);
  });
});
