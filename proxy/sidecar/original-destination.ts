/**
 * Where a redirected connection was meant to go: SO_ORIGINAL_DST of netfilter
 * (include/uapi/linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h), which needs no privilege.
 */
import { dlopen, FFIType } from "bun:ffi";
import { formatIpv6 } from "../../core/ip-address.ts";
import type { Endpoint } from "../http/dial.ts";

const SO_ORIGINAL_DST = 80;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

/** `undefined` when the connection was not redirected. */
export type OriginalDestination = (fd: number) => Endpoint | undefined;

/** @throws Error when the C library cannot be opened */
export function openOriginalDestination(): OriginalDestination {
  const libc = dlopen("libc.so.6", {
    getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
  // Views over explicit buffers: the storage of small typed arrays moves when code is optimised.
  const address = new Uint8Array(new ArrayBuffer(32));
  const length = new Uint32Array(new ArrayBuffer(8));
  const read = (fd: number, level: number, bytes: number): boolean => {
    length[0] = bytes;
    return libc.symbols.getsockopt(fd, level, SO_ORIGINAL_DST, address, length) === 0;
  };
  return (fd) => {
    if (read(fd, IPPROTO_IP, SOCKADDR_IN_BYTES)) return parseSocketAddress(address);
    return read(fd, IPPROTO_IPV6, SOCKADDR_IN6_BYTES) ? parseSocketAddress(address) : undefined;
  };
}

/** `struct sockaddr_in` or `sockaddr_in6` on a little-endian machine; ports and addresses are in network order. */
export function parseSocketAddress(bytes: Uint8Array): Endpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2);
  if (family === AF_INET) return { address: bytes.subarray(4, 8).join("."), port };
  if (family !== AF_INET6) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i));
  return { address: formatIpv6(groups), port };
}
