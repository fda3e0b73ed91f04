import type { KubeConnection } from "../../../../core/kube/types.ts";

const servers = new Set<Bun.Server<undefined>>();

export function connectionTo(port: number): KubeConnection {
  return {
    server: `http://127.0.0.1:${port}`,
    tls: {},
    headers: () => Promise.resolve({ authorization: "Bearer test" }),
  };
}

/** A connection to an API server of the test; stopped by `stopServers`. */
export function withServer(answer: (request: Request) => Response | Promise<Response>): KubeConnection {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, fetch: answer });
  servers.add(server);
  return connectionTo(server.port ?? 0);
}

export async function stopServers(): Promise<void> {
  for (const server of servers) await server.stop(true);
  servers.clear();
}

/** An answer without success, as the API server gives it. */
export function statusResponse(code: number, reason: string, message: string): Response {
  return Response.json(
    { kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code },
    { status: code },
  );
}
