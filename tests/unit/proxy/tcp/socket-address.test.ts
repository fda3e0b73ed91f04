import { expect, test } from "bun:test";
import { isIPv4 } from "node:net";
import fc from "fast-check";
import {
  readSocketAddress,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN_BYTES,
  writeSocketAddress,
} from "../../../../proxy/tcp/socket-address.ts";

const bytes = new Uint8Array(SOCKADDR_IN6_BYTES);

test("writeSocketAddress() and readSocketAddress() agree on every address", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(65_535), (address, port) => {
      expect(writeSocketAddress(bytes, { address, port })).toBe(SOCKADDR_IN_BYTES);
      expect(readSocketAddress(bytes)).toEqual({ address, port });
    }),
  );
  for (const address of ["::1", "fd00:10::a", "2001:db8:0:1:2:3:4:5"]) {
    expect(writeSocketAddress(bytes, { address, port: 443 })).toBe(SOCKADDR_IN6_BYTES);
    expect(readSocketAddress(bytes)).toEqual({ address, port: 443 });
  }
});

test("writeSocketAddress() takes nothing else for an address", () => {
  const nearly = fc.stringMatching(/^[0-9.]{0,16}$/).filter((text) => !isIPv4(text) && !hasLeadingZero(text));
  fc.assert(fc.property(nearly, (address) => expect(writeSocketAddress(bytes, { address, port: 80 })).toBe(0)));
  for (const address of ["", "localhost", "1.2.3.4.", "1.2.3.4x", "1:2", "::1::"])
    expect(writeSocketAddress(bytes, { address, port: 80 })).toBe(0);
});

/** Which is decimal here, as it is for the kernel's own tables, and refused by Node. */
function hasLeadingZero(text: string): boolean {
  return /(?:^|\.)0[0-9]/.test(text);
}
