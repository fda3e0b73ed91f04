/**
 * `http://[<child>.s.]<root>.<service>.azds.localhost:PORT/` on the developer's machine: each request is handed, host
 * name and all, to the enter port of the developer's own pod, where the sidecar routes and traces it like any other.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import httpProxy from "http-proxy";
import { AzdsError } from "../../core/errors.ts";

export interface LocalGatewayOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Local port that leads to the enter port; it waits while the pod restarts. */
  readonly enterPort: number;
  /** Why the enter port cannot be reached, in words for the page; undefined: nothing is known. */
  readonly reason: () => string | undefined;
  readonly signal: AbortSignal;
}

/** Resolves with the port once it listens on 127.0.0.1. @throws AzdsError PORT_IN_USE */
export async function serveLocalGateway(options: LocalGatewayOptions): Promise<number> {
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${options.enterPort}`, ws: true });
  proxy.on("error", (error, _request, response) => refuse(response, options.reason() ?? error.message));
  const server = createServer((request: IncomingMessage, response: ServerResponse) => proxy.web(request, response));
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => proxy.ws(request, socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      reject(
        error.code === "EADDRINUSE"
          ? new AzdsError("PORT_IN_USE", `Local port ${options.port} for the gateway is held by another program`, {
              cause: error,
            })
          : error,
      );
    });
    server.listen(options.port, "127.0.0.1", () => resolve());
  });
  options.signal.addEventListener(
    "abort",
    () => {
      server.close();
      server.closeAllConnections();
      proxy.close();
    },
    { once: true },
  );
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : options.port;
}

/** RFC 9110 §15.6.4: 503 with a body that says why. */
function refuse(response: ServerResponse | Socket, why: string): void {
  const body = `The service cannot be reached at this moment: ${why}\n`;
  if ("writeHead" in response) {
    if (!response.headersSent)
      response.writeHead(503, { "content-type": "text/plain; charset=utf-8", "retry-after": "1" });
    response.end(body);
  } else {
    response.destroy();
  }
}
