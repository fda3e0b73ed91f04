import { expect, test } from "bun:test";
import { canonicalAddress } from "../../../core/ip-address.ts";

test.each([
  ["10.96.0.1", "10.96.0.1"],
  ["FD00::1:0A", "fd00::1:a"],
  ["fd00:0:0:0:0:0:0:1", "fd00::1"],
  ["fd00:0000:0000:0001:0000:0000:0000:000b", "fd00:0:0:1::b"],
  ["fd00:0:1:1:1:1:1:1", "fd00:0:1:1:1:1:1:1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["::", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["1::", "1::"],
  ["::FFFF:10.0.0.7", "10.0.0.7"],
  ["0:0:0:0:0:ffff:a00:7", "10.0.0.7"],
  ["64:ff9b::10.0.0.7", "64:ff9b::a00:7"],
])("canonicalAddress(%s)", (text, expected) => {
  expect(canonicalAddress(text)).toBe(expected);
});

test.each(["None", "", "fd00::1::2", "1:2:3", "1:2:3:4:5:6:7:8:9", "fd00::12345", "fe80::1%eth0"])(
  "canonicalAddress() leaves what is no address: %p",
  (text) => {
    expect(canonicalAddress(text)).toBe(text);
  },
);
