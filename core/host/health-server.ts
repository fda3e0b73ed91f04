/** Probes of the kubelet: plain HTTP, for it does not know our authority. */
import { createServer } from "node:http";

export interface HealthServer {
  /** The port listened on. */
  readonly port: number;
  readonly close: () => Promise<void>;
}

/**
 * `/healthz` says that the process runs; `/readyz` whether it may get traffic, else 503 with what it waits for.
 * Rejects when the port cannot be had.
 *
 * @param waitingFor empty when ready
 * @param metrics text of `/metrics`, for programs that count
 */
export async function serveHealth(
  port: number,
  waitingFor: () => readonly string[],
  metrics?: () => string,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    if (request.url === "/metrics" && metrics !== undefined) {
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
      response.end(metrics());
      return;
    }
    const missing = request.url === "/readyz" ? waitingFor() : [];
    const known = request.url === "/readyz" || request.url === "/healthz";
    response.writeHead(known ? (missing.length === 0 ? 200 : 503) : 404, { "content-type": "application/json" });
    response.end(`${JSON.stringify({ waitingFor: missing })}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
