/** Listening sockets whose connections are wires. */
import { takeOver } from "./inherited-socket.ts";
import { DISCARD, Wire, WIRE_HANDLERS } from "./wire.ts";

export interface Listening {
  readonly port: number;
  /** Refuses new connections; those that exist stay. */
  readonly stop: () => void;
  /** Accepted connections that are still there. */
  readonly open: () => number;
}

export interface ListenOptions {
  /** `::` accepts IPv4 as well, where the node has IPv6. */
  readonly hostname: string;
  readonly port: number;
  /** Descriptor of a socket that listens already, in place of host name and port. */
  readonly inherited?: number | undefined;
  /** Must set the wire's owner. `fd` is the socket's descriptor, valid during the call; `peer` gives the client's address. */
  readonly accept: (wire: Wire, fd: number, peer: () => string) => void;
}

/** @throws Error with `code` EADDRINUSE or EACCES, as the kernel says it */
export function listen(options: ListenOptions): Listening {
  const { inherited, accept } = options;
  let open = 0;
  const place = inherited === undefined ? options : { hostname: "127.0.0.1", port: 0 };
  const listener = Bun.listen<Wire>({
    hostname: place.hostname,
    port: place.port,
    allowHalfOpen: true,
    socket: {
      ...WIRE_HANDLERS,
      open: (socket) => {
        open += 1;
        const wire = new Wire(socket, DISCARD);
        socket.data = wire;
        accept(wire, descriptorOf(socket), () => socket.remoteAddress);
      },
      close: (socket, error) => {
        open -= 1;
        socket.data.gone(error);
      },
    },
  });
  if (inherited !== undefined) takeOver(descriptorOf(listener), inherited);
  return {
    port: inherited === undefined ? listener.port : options.port,
    stop: () => listener.stop(false),
    open: () => open,
  };
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

/** Bun's sockets and listeners have had `fd` since 1.2; its types do not name it. */
function descriptorOf(socket: object): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}
