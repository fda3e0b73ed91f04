/** Traefik among the proxies that are compared, told of its routes by a file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROUTE_HEADER } from "../../core/contract.ts";
import { PROXY_CORE, TRAEFIK_PORT } from "./places.ts";
import { ADDED, HTTP2_UPSTREAM, type Proxy, UPSTREAM, WEBSOCKET_UPSTREAM } from "./proxies.ts";

/** More than the most connections of a row, as with the other pools; its default of 200 would close and dial. */
const IDLE_CONNECTIONS_MAX = 1024;

export function traefik(folder: string, executable: string): Proxy {
  const home = join(folder, "traefik");
  mkdirSync(home, { recursive: true });
  const file = (name: string, content: object): string => {
    // JSON is YAML.
    writeFileSync(join(home, name), JSON.stringify(content));
    return join(home, name);
  };
  const routes = file("routes.yml", routesOf());
  const config = file("traefik.yml", {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "ERROR" },
    entryPoints: Object.fromEntries(
      Object.entries(TRAEFIK_PORT).map(([name, port]) => [name, { address: `127.0.0.1:${port}` }]),
    ),
    serversTransport: { maxIdleConnsPerHost: IDLE_CONNECTIONS_MAX },
    providers: { file: { filename: routes } },
  });
  return {
    name: "traefik",
    start: {
      name: "traefik",
      argv: [executable, `--configfile=${config}`],
      env: { HOME: home },
      core: PROXY_CORE,
      port: TRAEFIK_PORT.http1,
    },
    pooled: `http://127.0.0.1:${TRAEFIK_PORT.http1}`,
    websocket: `ws://127.0.0.1:${TRAEFIK_PORT.http1}/websocket`,
    http2: `http://127.0.0.1:${TRAEFIK_PORT.http2}`,
    tcp: `http://127.0.0.1:${TRAEFIK_PORT.tcp}`,
  };
}

function routesOf(): object {
  const router = (entryPoint: string, rule: string, service: string): object => {
    return { entryPoints: [entryPoint], rule, service, middlewares: ["add"] };
  };
  const service = (url: string): object => ({ loadBalancer: { servers: [{ url }] } });
  const other = `Header(\`${ROUTE_HEADER}\`, \`other\`)`;
  return {
    http: {
      routers: {
        websocket: router("http1", "Path(`/websocket`)", "websocket"),
        http1Other: router("http1", other, "http1"),
        http1: router("http1", "PathPrefix(`/`)", "http1"),
        http2Other: router("http2", other, "http2"),
        http2: router("http2", "PathPrefix(`/`)", "http2"),
      },
      middlewares: { add: { headers: { customRequestHeaders: { [ADDED.name]: ADDED.value } } } },
      services: {
        websocket: service(`http://${WEBSOCKET_UPSTREAM}`),
        http1: service(`http://${UPSTREAM}`),
        http2: service(`h2c://${HTTP2_UPSTREAM}`),
      },
    },
    tcp: {
      routers: { tcp: { entryPoints: ["tcp"], rule: "HostSNI(`*`)", service: "tcp" } },
      services: { tcp: { loadBalancer: { servers: [{ address: UPSTREAM }] } } },
    },
  };
}
