import { describe, expect, test } from "bun:test";
import { isThisMachine, parseAddress, parseHeaders } from "../../../../cli/explain/address.ts";

describe("parseAddress()", () => {
  test.each([
    ["web", "http web 80 /"],
    ["web.dev:8080/cart?a=1", "http web.dev:8080 8080 /cart?a=1"],
    ["HTTPS://Shop.Test/", "https shop.test 443 /"],
    ["http://[FD00::1]:81", "http [fd00::1]:81 81 /"],
  ])("%s", (text, parts) => {
    const { scheme, authority, port, path } = parseAddress(text);
    expect(`${scheme} ${authority} ${port} ${path}`).toBe(parts);
  });

  test.each(["", "ftp://web/", "http://", "a b"])("refuses %p", (text) => {
    expect(() => parseAddress(text)).toThrow("is neither a URL of HTTP nor the name of a service");
  });
});

test("isThisMachine() leaves the hosts of the local gateway", () => {
  const of = (text: string): boolean => isThisMachine(parseAddress(text));
  expect(["localhost:8080", "127.0.0.1", "[::1]:80"].map(of)).toEqual([true, true, true]);
  expect(["dev.web.azds.localhost", "web", "10.0.0.1"].map(of)).toEqual([false, false, false]);
});

describe("parseHeaders()", () => {
  test("reads names in any case, and values with colons", () => {
    expect(parseHeaders(["Azds-Route-As: alice", "x:a:b"])).toEqual({ "azds-route-as": "alice", x: "a:b" });
  });

  test.each([[["alice"]], [["a b:c"]], [["a:b\r\nc:d"]]])("refuses %p", (lines) => {
    expect(() => parseHeaders(lines)).toThrow("takes `NAME:VALUE`");
  });

  test("refuses another host than the URL's, and a name that is there twice", () => {
    expect(() => parseHeaders(["Host:web"])).toThrow("The host is that of the URL");
    expect(() => parseHeaders(["a:1", "A:2"])).toThrow("The header `a` was given twice");
  });
});
