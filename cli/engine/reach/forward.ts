/** A local TCP port whose connections end in a pod. Each connection is a port-forward of its own; the pod may change between them. */
import { createServer, type Server, type Socket } from "node:net";
import { AzdsError } from "../../../core/errors.ts";
import { openPortForward } from "../../../core/kube/port-forward.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { FORWARD_CONNECTIONS_MAX } from "../../../core/limits.ts";
import type { ByteStream } from "../../../core/wire/byte-stream.ts";
import { pipe } from "../../../core/wire/pipe.ts";
import { streamOfSocket } from "../../../core/wire/socket-stream.ts";
import { redialing } from "./redial.ts";

export interface ForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

export interface ForwardOptions {
  /** 0: any free port. */
  readonly localPort: number;
  /** Asked for each connection; may wait for a pod to become ready. */
  readonly target: () => Promise<ForwardTarget>;
  readonly signal: AbortSignal;
  /** A connection that could not be made or broke. */
  readonly onError: (error: unknown) => void;
}

/**
 * Listens on 127.0.0.1 until the signal; resolves with the local port.
 * @throws AzdsError PORT_IN_USE
 */
export async function forwardPort(kube: KubeClient, options: ForwardOptions): Promise<number> {
  const sockets = new Set<Socket>();
  // Half-open: a client that has sent its request and shut down still wants the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    connect(kube, { socket, options }).catch((error: unknown) => {
      options.onError(error);
      socket.destroy();
    });
  });
  server.maxConnections = FORWARD_CONNECTIONS_MAX;
  const port = await listen(server, options.localPort);
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  options.signal.addEventListener("abort", close, { once: true });
  return port;
}

/** Whether local ports can be had, asked before anything is made in the cluster. @throws AzdsError PORT_IN_USE */
export async function checkLocalPorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer();
    await listen(server, port);
    await new Promise((resolve) => server.close(resolve));
  }
}

async function connect(
  kube: KubeClient,
  connection: { readonly socket: Socket; readonly options: ForwardOptions },
): Promise<void> {
  const { socket, options } = connection;
  // Before the first wait: bytes that come early are kept by the stream.
  const local = streamOfSocket(socket);
  const dial = async (): Promise<ByteStream> => {
    const target = await options.target();
    return openPortForward(kube.connection, { ...target, signal: options.signal });
  };
  await pipe(local, await redialing(dial, options.signal));
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      const taken = error.code === "EADDRINUSE" || error.code === "EACCES";
      reject(
        taken
          ? new AzdsError(
              "PORT_IN_USE",
              `Local port ${port} cannot be used: ${error.code === "EACCES" ? "permission denied" : "another program holds it"}`,
              { cause: error },
            )
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => resolve());
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
