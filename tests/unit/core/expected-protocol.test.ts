import { expect, test } from "bun:test";
import { expectedProtocol } from "../../../core/expected-protocol.ts";
import type { ServicePort } from "../../../core/route-table.ts";
import { RouteTable } from "../../../core/routing.ts";

function expected(port: number, ports: readonly (readonly ServicePort[])[], opaque: readonly number[] = []): string {
  const table = new RouteTable();
  table.apply({
    type: "snapshot",
    version: { replica: "a", counter: 1 },
    spaces: [{ name: "dev" }],
    services: ports.map((each, index) => {
      return { namespace: "dev", name: `s${index}`, uid: `${index}`, ips: [], endpoints: ["10.0.0.1"], ports: each };
    }),
  });
  const { known, protocol } = expectedProtocol(table, { address: "10.0.0.1", port }, opaque);
  return `${known ? "known" : "unknown"} ${protocol ?? "look"}`;
}

test("expectedProtocol() takes what is declared, the pod's own word before it, and a number for what declares nothing", () => {
  expect(expected(80, [[{ name: "http", port: 80, hint: "http" }]])).toBe("known http");
  expect(expected(80, [[{ name: "grpc", port: 80, hint: "http2" }]])).toBe("known http");
  expect(expected(80, [[{ name: "tcp", port: 80, hint: "opaque" }]])).toBe("known opaque");
  expect(expected(80, [[{ name: "http", port: 80, hint: "http" }]], [80])).toBe("known opaque");
  expect(expected(80, [[{ name: "", port: 80 }]])).toBe("known look");
  expect(expected(80, [])).toBe("unknown look");
  expect(expected(3306, [])).toBe("unknown opaque");
});

test("expectedProtocol() looks where two Services behind one pod declare different things", () => {
  const [http, opaque] = [
    { name: "http", port: 80, hint: "http" } as const,
    { name: "t", port: 80, hint: "opaque" } as const,
  ];
  expect(expected(80, [[http], [opaque]])).toBe("known look");
});
