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

/** It could not even be begun. */
const NO_DESCRIPTOR = -1;

export interface Opened {
  readonly descriptor: number;
  /** What has been told of it already. */
  readonly events: number;
}

/** Called once, not before `connect` has returned. What has been opened must be handed to its socket. */
export type Settled = (outcome: Opened | Error) => void;

export function connect(loop: EventLoop, to: SocketAddress, settled: Settled): Attempt {
  const begun = begin(loop, to);
  const attempt = new Attempt(loop, typeof begun === "number" ? begun : NO_DESCRIPTOR, settled);
  if (typeof begun === "number") loop.watch(begun, SOCKET_EVENTS, attempt);
  else queueMicrotask(() => attempt.refuse(begun));
  return attempt;
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

export class Attempt implements Watched {
  readonly #loop: EventLoop;
  readonly #descriptor: number;
  readonly #settled: Settled;
  #over = false;

  constructor(loop: EventLoop, descriptor: number, settled: Settled) {
    this.#loop = loop;
    this.#descriptor = descriptor;
    this.#settled = settled;
  }

  ready(events: number): void {
    if (this.#over) return;
    if ((events & (EPOLLERR | EPOLLHUP)) !== 0)
      return this.refuse(systemError("connect", pendingError(this.#loop.libc, this.#descriptor)));
    this.#over = true;
    this.#settled({ descriptor: this.#descriptor, events });
  }

  refuse(error: Error): void {
    if (this.#over) return;
    this.abandon();
    this.#settled(error);
  }

  /** Then `settled` is not called any more. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#descriptor === NO_DESCRIPTOR) return;
    this.#loop.forget(this.#descriptor);
    this.#loop.libc.close(this.#descriptor);
  }
}
