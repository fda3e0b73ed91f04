/** Listening sockets whose connections are wires. */
import { DISCARD, Wire, WIRE_HANDLERS } from "./wire.ts";

export interface Listening {
  readonly port: number;
  /** Refuses new connections; those that exist stay. */
  readonly stop: () => void;
}

export interface ListenOptions {
  /** `::` accepts IPv4 as well, where the node has IPv6. */
  readonly hostname: string;
  readonly port: number;
  /** Must set the wire's owner. `fd` is the socket's descriptor, valid during the call; `peer` gives the client's address. */
  readonly accept: (wire: Wire, fd: number, peer: () => string) => void;
}

/** @throws Error with `code` EADDRINUSE or EACCES, as the kernel says it */
export function listen(options: ListenOptions): Listening {
  const listener = Bun.listen<Wire>({
    hostname: options.hostname,
    port: options.port,
    allowHalfOpen: true,
    socket: {
      ...WIRE_HANDLERS,
      open: (socket) => {
        const wire = new Wire(socket, DISCARD);
        socket.data = wire;
        options.accept(wire, descriptorOf(socket), () => socket.remoteAddress);
      },
    },
  });
  return { port: listener.port, stop: () => listener.stop(false) };
}

/** On all addresses; nodes booted with `ipv6.disable=1` have no `::`. */
export function listenEverywhere(options: Omit<ListenOptions, "hostname">): Listening {
  try {
    return listen({ ...options, hostname: "::" });
  } catch {
    // Where the port itself is the trouble, the second attempt says so.
    return listen({ ...options, hostname: "0.0.0.0" });
  }
}

/** Bun's sockets have had `fd` since 1.2; its types do not name it. */
function descriptorOf(socket: object): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}
