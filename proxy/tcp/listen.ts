/** Listening sockets whose connections are wires. */
import { acceptAll } from "./accept.ts";
import { addressOf, openListeningEverywhere, openListeningSocket } from "./listening-socket.ts";
import { eventLoop } from "./process-loop.ts";
import { SOCKET_EVENTS, TcpSocket } from "./tcp-socket.ts";
import type { Wire } from "./wire.ts";

export interface Listening {
  readonly port: number;
  /** Refuses new connections; those that exist stay. */
  readonly stop: () => void;
  /** Accepted connections that are still there. */
  readonly open: () => number;
}

export interface ListenOptions {
  /** IP address; absent: all of them, of both families where the node has both. */
  readonly hostname?: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  /** Descriptor of a socket that listens already, in place of address and port. */
  readonly inherited?: number | undefined;
  /** Must set the wire's owner. `fd` is the socket's descriptor, valid during the call; `peer` gives the client's address. */
  readonly accept: (wire: Wire, fd: number, peer: () => string) => void;
}

/** @throws Error with `code` EADDRINUSE or EACCES, as the kernel says it */
export function listen({ hostname, port, inherited, accept }: ListenOptions): Listening {
  const loop = eventLoop();
  const { libc } = loop;
  const listener =
    inherited ??
    (hostname === undefined
      ? openListeningEverywhere(libc, port)
      : openListeningSocket(libc, { address: hostname, port }));
  let open = 0;
  const closed = (): void => {
    open -= 1;
  };
  const stop = acceptAll(loop, listener, (descriptor) => {
    open += 1;
    const socket = new TcpSocket(loop, descriptor, closed);
    loop.watch(descriptor, SOCKET_EVENTS, socket);
    accept(socket.wire, descriptor, () => addressOf(libc, descriptor, "peer")?.address ?? "");
  });
  return { port: addressOf(libc, listener, "own")?.port ?? port, stop, open: () => open };
}
