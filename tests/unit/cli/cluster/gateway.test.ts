import { expect, test } from "bun:test";
import { gatewayState } from "../../../../cli/cluster/gateway.ts";

test("gatewayState() is none, pending with the reason, then available by name or address", () => {
  const service = (...ingress: readonly object[]): object => ({ status: { loadBalancer: { ingress } } });
  expect(gatewayState(undefined)).toEqual({ kind: "none" });
  expect(gatewayState({ status: {} }).kind).toBe("pending");
  expect(gatewayState(service({ ip: "203.0.113.7" }))).toEqual({ kind: "available", address: "203.0.113.7" });
  expect(gatewayState(service({ hostname: "lb.test" }))).toEqual({ kind: "available", address: "lb.test" });
});
