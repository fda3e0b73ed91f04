/** Opening a connection (connect(2)). */
import type { EventLoop, Watched } from "./event-loop.ts";
import {
  EINPROGRESS,
  EPOLLERR,
  EPOLLHUP,
  IPPROTO_TCP,
  ON,
  pendingError,
  STREAM_SOCKET,
  systemError,
  TCP_NODELAY,
} from "./libc.ts";
import { SOCKADDR_IN6_BYTES, type SocketAddress, writeSocketAddress } from "./socket-address.ts";
import { SOCKET_EVENTS } from "./tcp-socket.ts";

/** Written and read within one call. */
const ADDRESS = new Uint8Array(new ArrayBuffer(SOCKADDR_IN6_BYTES));

export interface Opened {
  readonly descriptor: number;
  /** What has been told of it already. */
  readonly events: number;
}

/** Called once, not before `connect` has returned. What has been opened must be handed to its socket. */
export type Settled = (outcome: Opened | Error) => void;

/** The returned function gives the attempt up; then `settled` is not called any more. */
export function connect(loop: EventLoop, to: SocketAddress, settled: Settled): () => void {
  const descriptor = begin(loop, to);
  if (typeof descriptor === "number") return wait(loop, descriptor, settled);
  let abandoned = false;
  queueMicrotask(() => {
    if (!abandoned) settled(descriptor);
  });
  return () => {
    abandoned = true;
  };
}

function begin({ libc }: EventLoop, to: SocketAddress): number | Error {
  const bytes = writeSocketAddress(ADDRESS, to);
  if (bytes === 0) return new Error(`\`${to.address}\` is no IP address`);
  const descriptor = libc.socket(ADDRESS[0] ?? 0, STREAM_SOCKET, 0);
  if (descriptor < 0) return systemError("socket", libc.errno());
  libc.setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, ON, ON.byteLength);
  const errno = libc.connect(descriptor, ADDRESS, bytes) === 0 ? 0 : libc.errno();
  if (errno === 0 || errno === EINPROGRESS) return descriptor;
  libc.close(descriptor);
  return systemError("connect", errno);
}

function wait(loop: EventLoop, descriptor: number, settled: Settled): () => void {
  const close = (): void => {
    loop.forget(descriptor);
    loop.libc.close(descriptor);
  };
  let over = false;
  const attempt: Watched = {
    ready: (events) => {
      if (over) return;
      over = true;
      if ((events & (EPOLLERR | EPOLLHUP)) === 0) return settled({ descriptor, events });
      const error = systemError("connect", pendingError(loop.libc, descriptor));
      close();
      settled(error);
    },
    turn: () => {},
    fault: () => {},
  };
  loop.watch(descriptor, SOCKET_EVENTS, attempt);
  return () => {
    if (over) return;
    over = true;
    close();
  };
}
