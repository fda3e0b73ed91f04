/**
 * `http://[<child>.s.]<root>.<service>.azds.localhost:PORT/` on the developer's machine: each request is handed, host
 * name and all, to the enter port of the developer's own pod, where the sidecar routes and traces it like any other.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import httpProxy from "http-proxy";
import { LOCAL_HOST_SUFFIX } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { withoutPort } from "../../core/host-name.ts";
import { GATEWAY_RETRY_MS, GATEWAY_RETRY_MS_MAX } from "../../core/limits.ts";

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
  // Requests answer their errors below; this one is for upgrades.
  proxy.on("error", (_error, _request, response) => void response.destroy());
  const server = createServer((request, response) => {
    if (isOfThisMachine(request)) {
      forward(proxy, { request, response, options, until: Date.now() + GATEWAY_RETRY_MS_MAX });
    } else misdirected(response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (isOfThisMachine(request)) proxy.ws(request, socket, head);
    else socket.destroy();
  });
  await listen(server, options.port);
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

/**
 * Only hosts that always mean this machine (RFC 6761 §6.3): anybody can have a name of his own lead here, and the pages
 * under it would reach the services of the cluster (DNS rebinding).
 */
function isOfThisMachine({ headers }: IncomingMessage): boolean {
  const host = withoutPort(headers.host ?? "").toLowerCase();
  return /(?:^|\.)localhost$/.test(host) || /^(?:127(?:\.\d+){3}|\[::1\])$/.test(host);
}

/** RFC 9110 §15.5.20. */
function misdirected(response: ServerResponse): void {
  response.writeHead(421, { "content-type": "text/plain; charset=utf-8" });
  response.end(`Only hosts below \`${LOCAL_HOST_SUFFIX}\` are served here\n`);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly options: LocalGatewayOptions;
  /** Tries end then; milliseconds since the epoch. */
  readonly until: number;
}

/**
 * While a pod is replaced its connections break or are refused for a moment. A request without a body changes nothing by
 * coming twice when no answer had begun (RFC 9110 §9.2.2), so it is held and tried again; others get the reason at once.
 */
function forward(proxy: httpProxy, exchange: Exchange): void {
  const { request, response, options } = exchange;
  const isRepeatable = request.method === "GET" || request.method === "HEAD";
  const settings = isRepeatable ? { buffer: Readable.from([]) } : {};
  proxy.web(request, response, settings, (error) => {
    if (!isRepeatable || response.headersSent || response.destroyed || Date.now() > exchange.until) {
      refuse(response, options.reason() ?? error.message);
      return;
    }
    setTimeout(() => forward(proxy, exchange), GATEWAY_RETRY_MS);
  });
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error & { code?: string }) => {
      const taken = new AzdsError("PORT_IN_USE", `Local port ${port} for the gateway is held by another program`, {
        cause: error,
      });
      reject(error.code === "EADDRINUSE" ? taken : error);
    });
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

/** RFC 9110 §15.6.4: 503 with a body that says why. */
function refuse(response: ServerResponse, why: string): void {
  if (!response.headersSent)
    response.writeHead(503, { "content-type": "text/plain; charset=utf-8", "retry-after": "1" });
  response.end(`The service cannot be reached at this moment: ${why}\n`);
}
