/**
 * Where a redirected connection was meant to go: SO_ORIGINAL_DST of netfilter
 * (include/uapi/linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h), which needs no privilege.
 */
import type { Endpoint } from "../tcp/dial.ts";
import type { Libc } from "../tcp/libc.ts";
import { readSocketAddress, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES } from "../tcp/socket-address.ts";

const SO_ORIGINAL_DST = 80;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;

/** `undefined` when the connection was not redirected. */
export type OriginalDestination = (fd: number) => Endpoint | undefined;

export function openOriginalDestination(libc: Pick<Libc, "getsockopt">): OriginalDestination {
  // Views over explicit buffers: the storage of small typed arrays moves when code is optimised.
  const address = new Uint8Array(new ArrayBuffer(32));
  const length = new Uint32Array(new ArrayBuffer(8));
  const read = (fd: number, level: number, bytes: number): boolean => {
    length[0] = bytes;
    return libc.getsockopt(fd, level, SO_ORIGINAL_DST, address, length) === 0;
  };
  return (fd) => {
    if (read(fd, IPPROTO_IP, SOCKADDR_IN_BYTES)) return readSocketAddress(address);
    return read(fd, IPPROTO_IPV6, SOCKADDR_IN6_BYTES) ? readSocketAddress(address) : undefined;
  };
}
