/** Raw TCP servers and clients on loopback, and a sidecar's listener in front of them, without any redirect. */
import { createServer, connect, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { FeedMessage, ServiceRecord } from "../../../core/route-table.ts";
import type { SidecarConfig } from "../../../core/sidecar-config.ts";
import type { Endpoint } from "../../../proxy/tcp/dial.ts";
import { listen, type Listening } from "../../../proxy/tcp/listen.ts";
import type { Wire } from "../../../proxy/tcp/wire.ts";
import { newCounters } from "../../../proxy/sidecar/metrics.ts";
import type { Pod } from "../../../proxy/sidecar/pod.ts";
import { Routes } from "../../../proxy/routing/routes.ts";
import { eventLoop } from "../../../proxy/tcp/process-loop.ts";
import { Trace } from "../../../proxy/trace/trace.ts";

// Whoever keeps bytes that were only lent keeps others.
eventLoop().input.spoils = true;

export interface RawServer extends Endpoint {
  readonly close: () => Promise<void>;
}

/** @param port 0: any free one */
export async function rawServer(onConnection: (socket: Socket) => void, port = 0): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    address: "127.0.0.1",
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Answers each request line it sees with its name, keeping the connection; remembers what it received. */
export async function namedServer(
  name: string,
): Promise<RawServer & { readonly received: () => string; readonly connections: () => number }> {
  let received = "";
  let connections = 0;
  const server = await rawServer((socket) => {
    connections += 1;
    let pending = "";
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      pending += bytes.toString("latin1");
      for (let end = pending.indexOf("\r\n\r\n"); end >= 0; end = pending.indexOf("\r\n\r\n")) {
        pending = pending.slice(end + 4);
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`);
      }
    });
    socket.on("end", () => socket.end());
  });
  return { ...server, received: () => received, connections: () => connections };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<Endpoint> {
  const server = await rawServer(() => {});
  await server.close();
  return { address: server.address, port: server.port };
}

export interface RawClient {
  readonly socket: Socket;
  /** Resolves once everything received so far contains `text`, to all of it. Rejects when the connection ends before. */
  readonly until: (text: string) => Promise<string>;
  /** Resolves with everything at the peer's end; rejects on a reset. */
  readonly all: () => Promise<string>;
  /** Resolves to the code of the error that broke the connection, or to what was received when none did. */
  readonly failure: () => Promise<string>;
}

export async function rawClient(port: number, send?: string | Buffer): Promise<RawClient> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let text = "";
  let done: "open" | "ended" | Error = "open";
  let wake = nothing;
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
    wake();
  });
  socket.on("end", () => {
    if (done === "open") done = "ended";
    wake();
  });
  socket.on("error", (error) => {
    done = error;
    wake();
  });
  socket.on("close", () => {
    if (done === "open") done = "ended";
    wake();
  });
  await once(socket, "connect");
  if (send !== undefined) socket.write(send);
  const wait = async (enough: () => boolean): Promise<string> => {
    while (!enough()) {
      if (done instanceof Error) throw done;
      if (done === "ended") throw new Error(`ended after ${JSON.stringify(text)}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return text;
  };
  return {
    socket,
    until: (wanted) => wait(() => text.includes(wanted)),
    all: async () => wait(() => done === "ended"),
    failure: async () => {
      try {
        return await wait(() => done === "ended");
      } catch (error) {
        return error instanceof Error && "code" in error ? String(error.code) : String(error);
      }
    },
  };
}

export function service(
  over: Partial<ServiceRecord> & { readonly namespace: string; readonly name: string },
): ServiceRecord {
  return {
    uid: `${over.namespace}-${over.name}`,
    ips: [],
    ports: [{ name: "http", port: 80 }],
    endpoints: [],
    ...over,
  };
}

/** A headless Service of one endpoint, so that its address can be a port of this test. */
export function web(namespace: string, at: Endpoint, over: Partial<ServiceRecord> = {}): ServiceRecord {
  return service({
    namespace,
    name: "web",
    ports: [{ name: "http", port: 80, target: at.port }],
    endpoints: [at.address],
    ...over,
  });
}

export function snapshot(services: readonly ServiceRecord[]): FeedMessage {
  return {
    type: "snapshot",
    version: { replica: "a", counter: 1 },
    spaces: [
      { name: "dev" },
      { name: "alice", parent: "dev" },
      { name: "bob", parent: "dev" },
      { name: "tiny", parent: "alice" },
    ],
    services,
  };
}

export function sidecarConfig(over: Partial<SidecarConfig> = {}): SidecarConfig {
  const server = { address: "127.0.0.1", port: 1, serverName: "x" };
  return {
    version: 1,
    space: "dev",
    ancestors: [],
    controller: server,
    builder: server,
    ca: "",
    opaquePorts: [],
    redirect: "init",
    skipInboundPorts: [],
    skipOutboundPorts: [],
    probes: [],
    hostSuffix: ".azds.localhost",
    ...over,
  };
}

/** A pod whose redirected connections all went to `original`. */
export function pod(
  original: Endpoint | undefined,
  over: Partial<Pod> & { readonly services?: readonly ServiceRecord[] } = {},
): Pod {
  const routes = new Routes();
  if (over.services !== undefined) routes.apply(snapshot(over.services));
  return {
    config: sidecarConfig(),
    ips: ["10.0.0.9"],
    routes,
    counters: newCounters(),
    originalDestination: () => original,
    trace: new Trace(),
    ...over,
  };
}

/** What a redirected connection brings, beside itself: no descriptor that the kernel knows, and its client's address. */
export function redirected(
  accept: (connection: { readonly client: Wire; readonly fd: number; readonly peer: () => string }) => void,
  peer = "127.0.0.1",
): (client: Wire) => void {
  return (client) => accept({ client, fd: -1, peer: () => peer });
}

export function front(accept: (wire: Wire) => void): Listening {
  return listen({ hostname: "127.0.0.1", port: 0, accept });
}

function nothing(): void {}
