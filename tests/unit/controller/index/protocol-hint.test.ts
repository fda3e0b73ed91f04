import { expect, test } from "bun:test";
import { protocolHint, type DeclaredPort } from "../../../../controller/index/protocol-hint.ts";

function hint(port: Partial<DeclaredPort>): string | undefined {
  return protocolHint({ name: "", appProtocol: undefined, port: 8080, target: undefined, ...port });
}

test.each([
  ["http", "http"],
  ["http-web", "http"],
  ["grpc-web", "http"],
  ["http2", "http2"],
  ["grpc-api", "http2"],
  ["https", "opaque"],
  ["tls-metrics", "opaque"],
  ["redis", "opaque"],
  ["web", undefined],
  ["", undefined],
])("protocolHint() of a port named %p is %p", (name, expected) => {
  expect(hint({ name })).toBe(expected);
});

test.each([
  ["http", "http"],
  ["kubernetes.io/ws", "http"],
  ["kubernetes.io/h2c", "http2"],
  ["GRPC", "http2"],
  ["mysql", "opaque"],
  ["tcp", "opaque"],
  ["example.com/own", undefined],
])("protocolHint() of appProtocol %p is %p", (appProtocol, expected) => {
  expect(hint({ appProtocol })).toBe(expected);
});

test("protocolHint() puts appProtocol before the name and the name before the number", () => {
  expect(hint({ appProtocol: "h2c", name: "http", port: 6379 })).toBe("http2");
  expect(hint({ name: "http", port: 6379 })).toBe("http");
  expect(hint({ name: "cache", port: 6379 })).toBe("opaque");
});

test("protocolHint() knows a database by the number in its pods too", () => {
  expect(hint({ port: 80, target: 5432 })).toBe("opaque");
});
