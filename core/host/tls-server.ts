/**
 * TLS servers whose certificate changes while they run, without one failed connection: Bun's `Bun.serve` and
 * `https.Server` keep the first certificate for ever, `tls.Server.setSecureContext` does not.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createServer as createTlsServer, type Server, type TLSSocket } from "node:tls";
import { HTTP_IDLE_MS_MAX, SERVER_CLOSE_MS_MAX, TLS_HANDSHAKE_MS_MAX } from "../limits.ts";
import type { Certificate } from "./certificate.ts";

export interface SecureServer {
  /** The port listened on; differs from the wish when that was 0. */
  readonly port: number;
  /** New connections get `certificate`. Throws when it is no valid pair; the one before then stays in force. */
  readonly reload: (certificate: Certificate) => void;
  /** Accepts nothing more and resolves when every connection is gone; those at work are cut after SERVER_CLOSE_MS_MAX. */
  readonly close: () => Promise<void>;
}

interface Listen {
  /** On all addresses, IPv6 and IPv4; 0 takes any free port. */
  readonly port: number;
  /** Without one every handshake fails until the first `reload`. */
  readonly certificate?: Certificate | undefined;
}

export interface HttpsOptions extends Listen {
  /** Must answer every request and must not throw. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface TlsOptions extends Listen {
  /** Protocols offered (RFC 7301). */
  readonly alpn?: readonly string[];
  /** Gets connections after their handshake. An error on the socket is followed by its `close`, and needs no listener. */
  readonly onConnection: (socket: TLSSocket) => void;
}

/** HTTP/1.1 over TLS. Rejects when the port cannot be had. */
export async function serveHttps(options: HttpsOptions): Promise<SecureServer> {
  let closing = false;
  const http = createHttpServer((request, response) => {
    response.once("close", () => {
      if (closing) request.socket.destroySoon();
    });
    options.onRequest(request, response);
  });
  http.keepAliveTimeout = HTTP_IDLE_MS_MAX;
  http.on("clientError", (_error, socket) => socket.destroy());
  const secure = await listen(options, {
    alpn: ["http/1.1"],
    onConnection: (socket) => http.emit("connection", socket),
  });
  const close = async (): Promise<void> => {
    closing = true;
    const closed = secure.close();
    http.closeIdleConnections();
    await closed;
  };
  return { ...secure, close };
}

/** Any protocol over TLS. Rejects when the port cannot be had. */
export async function serveTls(options: TlsOptions): Promise<SecureServer> {
  return listen(options, { alpn: options.alpn ?? [], onConnection: options.onConnection });
}

interface Carried {
  /** Protocols offered (RFC 7301); none: the extension is not answered. */
  readonly alpn: readonly string[];
  readonly onConnection: (socket: TLSSocket) => void;
}

async function listen(options: Listen, carried: Carried): Promise<SecureServer> {
  const open = new Set<Socket>();
  const server = createTlsServer({
    ...options.certificate,
    ...(carried.alpn.length === 0 ? {} : { ALPNProtocols: [...carried.alpn] }),
    handshakeTimeout: TLS_HANDSHAKE_MS_MAX,
  });
  // A failed or overdue handshake leaves the socket open.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    carried.onConnection(socket);
  });
  const port = await listening(server, options.port);
  return {
    port,
    reload: (certificate) => server.setSecureContext({ ...certificate }),
    close: async () => closeAll(server, open),
  };
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

async function closeAll(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const cut = setTimeout(() => {
    for (const socket of open) socket.destroy();
  }, SERVER_CLOSE_MS_MAX);
  await new Promise<void>((resolve) => {
    // Its error says that the server was closed before, which is what was asked for.
    server.close(() => resolve());
  });
  clearTimeout(cut);
}
