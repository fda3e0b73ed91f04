import { describe, expect, test } from "bun:test";
import { openOriginalDestination } from "../../../../proxy/sidecar/original-destination.ts";
import { openLibc } from "../../../../proxy/tcp/libc.ts";
import { readSocketAddress } from "../../../../proxy/tcp/socket-address.ts";

function ipv6(...groups: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setUint16(0, 10, true);
  view.setUint16(2, 443);
  groups.forEach((group, i) => view.setUint16(8 + 2 * i, group));
  return new Uint8Array(view.buffer);
}

describe("readSocketAddress()", () => {
  test("reads IPv4", () => {
    expect(
      readSocketAddress(new Uint8Array([2, 0, 0x1f, 0x90, 10, 96, 0, 1, ...Array.from({ length: 24 }, () => 0)])),
    ).toEqual({ address: "10.96.0.1", port: 8080 });
  });

  test("reads IPv6 in the form that Kubernetes writes", () => {
    expect(readSocketAddress(ipv6(0xfd00, 0x10, 0, 0, 0, 0, 0, 0xa))).toEqual({ address: "fd00:10::a", port: 443 });
    expect(readSocketAddress(ipv6(0, 0, 0, 0, 0, 0, 0, 1))?.address).toBe("::1");
    expect(readSocketAddress(ipv6(0xfd00, 0, 0, 1, 0, 0, 0, 0))?.address).toBe("fd00:0:0:1::");
    expect(readSocketAddress(ipv6(1, 0, 2, 3, 4, 5, 6, 7))?.address).toBe("1:0:2:3:4:5:6:7");
  });

  test("knows no other family", () => expect(readSocketAddress(new Uint8Array(32))).toBeUndefined());
});

describe("openOriginalDestination()", () => {
  test("finds nothing for a socket that was not redirected", () =>
    expect(openOriginalDestination(openLibc())(-1)).toBeUndefined());
});
