/** Sockets that listen (bind(2), listen(2)). */
import { LISTEN_BACKLOG } from "../../core/limits.ts";
import {
  IPPROTO_TCP,
  ON,
  type Libc,
  SO_REUSEADDR,
  STREAM_SOCKET,
  SOL_SOCKET,
  systemError,
  TCP_NODELAY,
} from "./libc.ts";
import { readSocketAddress, SOCKADDR_IN6_BYTES, type SocketAddress, writeSocketAddress } from "./socket-address.ts";

/**
 * A listening descriptor that belongs to no loop; `::` takes IPv4 as well. What is accepted from it sends without delay.
 * @throws Error with `code` EADDRINUSE, EACCES, or EAFNOSUPPORT on nodes booted with `ipv6.disable=1`
 */
export function openListeningSocket(libc: Libc, at: SocketAddress): number {
  const address = new Uint8Array(new ArrayBuffer(SOCKADDR_IN6_BYTES));
  const bytes = writeSocketAddress(address, at);
  if (bytes === 0) throw new Error(`\`${at.address}\` is no IP address`);
  const descriptor = libc.socket(address[0] ?? 0, STREAM_SOCKET, 0);
  if (descriptor < 0) throw systemError("socket", libc.errno());
  libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, ON, ON.byteLength);
  libc.setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, ON, ON.byteLength);
  const bound = libc.bind(descriptor, address, bytes) === 0;
  if (bound && libc.listen(descriptor, LISTEN_BACKLOG) === 0) return descriptor;
  const error = systemError(bound ? "listen" : "bind", libc.errno());
  libc.close(descriptor);
  throw error;
}

/** As a server of both families, where the node has both. */
export function openListeningEverywhere(libc: Libc, port: number): number {
  try {
    return openListeningSocket(libc, { address: "::", port });
  } catch {
    // Where the port itself is the trouble, the second attempt says so.
    return openListeningSocket(libc, { address: "0.0.0.0", port });
  }
}

/** Of a socket, or of what it is connected to. */
export function addressOf(libc: Libc, descriptor: number, side: "own" | "peer"): SocketAddress | undefined {
  const bytes = new Uint8Array(new ArrayBuffer(SOCKADDR_IN6_BYTES));
  const length = new Uint32Array(new ArrayBuffer(4));
  length[0] = bytes.length;
  const call = side === "own" ? libc.getsockname : libc.getpeername;
  return call(descriptor, bytes, length) === 0 ? readSocketAddress(bytes) : undefined;
}
