/** The sockets of the sidecar, opened by its supervisor, so that they outlive each worker. */
import { dlopen, FFIType } from "bun:ffi";
import { PORT } from "../../core/contract.ts";
import { LISTEN_BACKLOG } from "../../core/limits.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2_000_000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOCKADDR_BYTES_MAX = 28;

/** In the order in which a worker inherits them, from descriptor FIRST_INHERITED on. */
export const SIDECAR_SOCKETS = [
  { name: "outbound", port: PORT.outbound, loopback: false },
  { name: "inbound", port: PORT.inbound, loopback: false },
  { name: "admin", port: PORT.admin, loopback: false },
  { name: "enter", port: PORT.enter, loopback: true },
  { name: "traces", port: PORT.traces, loopback: true },
] as const;

export type SidecarSockets = Readonly<Record<(typeof SIDECAR_SOCKETS)[number]["name"], number>>;

/** Behind standard input, output and errors. */
const FIRST_INHERITED = 3;

/** Descriptors in a worker. */
export const INHERITED_SOCKETS: SidecarSockets = {
  outbound: FIRST_INHERITED,
  inbound: FIRST_INHERITED + 1,
  admin: FIRST_INHERITED + 2,
  enter: FIRST_INHERITED + 3,
  traces: FIRST_INHERITED + 4,
};

export interface SocketPlace {
  readonly port: number;
  /** On 127.0.0.1 alone; else on every address of both families, where the node has both. */
  readonly loopback: boolean;
}

/**
 * A listening descriptor that belongs to no loop.
 * @throws Error when the port cannot be had
 */
export function openListeningSocket({ port, loopback }: SocketPlace): number {
  const everywhere = loopback ? undefined : listenOn(socketAddress(AF_INET6, port, []));
  const fd = everywhere ?? listenOn(socketAddress(AF_INET, port, loopback ? [127, 0, 0, 1] : []));
  if (fd === undefined) throw new Error(`Port ${port} cannot be listened on: is it taken?`);
  return fd;
}

/** `struct sockaddr_in` or `sockaddr_in6` on a little-endian machine; no address: all of them. */
export function socketAddress(family: number, port: number, address: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES_MAX));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  bytes.set(address, 4);
  return bytes;
}

function listenOn(address: Uint8Array): number | undefined {
  const { symbols: libc } = openLibc();
  const family = address[0] ?? 0;
  const fd = libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // A node booted with `ipv6.disable=1` has no such family.
  if (fd < 0) return undefined;
  const yes = new Int32Array(new ArrayBuffer(4));
  yes[0] = 1;
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, yes, 4);
  const bytes = family === AF_INET6 ? SOCKADDR_BYTES_MAX : 16;
  if (libc.bind(fd, address, bytes) === 0 && libc.listen(fd, LISTEN_BACKLOG) === 0) return fd;
  libc.close(fd);
  return undefined;
}

function openLibc() {
  const { i32, u32, ptr } = FFIType;
  return dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
    bind: { args: [i32, ptr, u32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
  });
}
