/**
 * TLS in front of wires. On `node:tls`, whose certificates can change while it runs and depend on the name that the
 * client asks for; Bun's own listener keeps its first.
 */
import { createServer, type SecureContext, type TLSSocket } from "node:tls";
import { TLS_HANDSHAKE_MS_MAX } from "../../core/limits.ts";
import { eventLoop } from "../tcp/process-loop.ts";
import { DISCARD, Wire } from "../tcp/wire.ts";
import type { Listening } from "../tcp/listen.ts";

export interface TlsListenOptions {
  /** On all addresses; 0 takes any free port. */
  readonly port: number;
  /** For the name that the client asked for, empty where it named none; `undefined` ends the handshake. */
  readonly contextFor: (serverName: string) => SecureContext | undefined;
  /** Must set the wire's owner. */
  readonly accept: (wire: Wire, peer: () => string) => void;
}

/** Rejects when the port cannot be had. */
export async function listenTls(options: TlsListenOptions): Promise<Listening> {
  eventLoop().share();
  const server = createServer({
    allowHalfOpen: true,
    handshakeTimeout: TLS_HANDSHAKE_MS_MAX,
    // The first that the client offers (RFC 7301 §3.2). Browsers offer both and get what every server speaks; clients
    // of gRPC offer HTTP/2 alone.
    ALPNProtocols: ["http/1.1", "h2"],
    SNICallback: (name, done) => {
      const context = options.contextFor(name.toLowerCase());
      if (context === undefined) done(new Error("No certificate for this name"));
      else done(null, context);
    },
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  let open = 0;
  server.on("secureConnection", (socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
    });
    options.accept(wireOf(socket), () => socket.remoteAddress ?? "");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: options.port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    stop: () => void server.close(),
    open: () => open,
  };
}

/** Node's streams take everything that is written, so a full one is shown as one that takes nothing. */
function wireOf(socket: TLSSocket): Wire {
  let failure: Error | undefined;
  const wire = new Wire(
    {
      write: (bytes) => {
        if (socket.destroyed) return -1;
        if (socket.writableNeedDrain) return 0;
        // A copy: the stream may still hold it when the caller uses its memory again.
        socket.write(Buffer.from(bytes));
        return bytes.length;
      },
      shutdown: () => socket.end(),
      end: () => socket.destroySoon(),
      terminate: () => socket.destroy(),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    },
    DISCARD,
  );
  socket.on("data", (bytes: Buffer) => wire.owner.data(wire, bytes));
  socket.on("end", () => wire.owner.end(wire));
  socket.on("drain", () => wire.flush());
  socket.on("error", (error: Error) => {
    failure = error;
    socket.destroy();
  });
  socket.on("close", () => wire.gone(failure));
  return wire;
}
