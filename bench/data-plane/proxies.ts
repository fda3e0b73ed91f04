/**
 * The proxies that are compared: each with one core and one worker, no access log, one header looked at and one added.
 *
 * The sidecar gives every client connection upstream connections of its own. The others are measured as they are
 * fastest: with a pool of upstream connections. A pool saves them a connect for each client that connects anew, so for
 * connections per request they are also measured without; the two are different rows.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENV, PORT, PROGRAM, ROUTE_HEADER } from "../../core/contract.ts";
import { CADDY_PORT, HAPROXY_PORT, NGINX_PORT, PROXY_CORE, SERVICE_IP, UPSTREAM_PORT } from "./places.ts";
import type { Start } from "./processes.ts";
import { nginxHead } from "./servers.ts";
import { POD_IP, REQUEST_SPACE } from "./world.ts";

export interface Proxy {
  readonly name: string;
  readonly start: Start;
  /** Answers 200 when it can be measured. */
  readonly ready?: string;
  /** `http://ADDRESS:PORT` by what it does upstream; `own`: nothing is shared between clients. */
  readonly pooled?: string;
  readonly own?: string;
  readonly websocket?: string;
  /** HTTP/2 by prior knowledge, on both sides. */
  readonly http2?: string;
  /** Bytes passed on, unread. */
  readonly tcp?: string;
}

/** Name of the sidecar among the proxies. */
export const OURS = "azds";

/** Carried by every request, to every proxy. */
export const REQUEST_HEADER = `${ROUTE_HEADER}: ${REQUEST_SPACE}`;

export const UPSTREAM = `127.0.0.1:${UPSTREAM_PORT.http}`;
export const WEBSOCKET_UPSTREAM = `127.0.0.1:${UPSTREAM_PORT.websocket}`;
export const HTTP2_UPSTREAM = `127.0.0.1:${UPSTREAM_PORT.http2}`;
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";
const HAPROXY_WINDOW_BYTES = 2 ** 20;
export const ADDED = { name: "x-added", value: "1" } as const;

/** @param sidecar the compiled executable, and the configuration of `ENV.sidecar` */
export function azds(sidecar: { readonly executable: string; readonly config: string }): Proxy {
  return {
    name: OURS,
    start: {
      name: OURS,
      argv: [sidecar.executable, PROGRAM.proxy],
      core: PROXY_CORE,
      env: { [ENV.sidecar]: sidecar.config, [ENV.podIps]: POD_IP },
      port: PORT.admin,
    },
    ready: `http://127.0.0.1:${PORT.admin}/readyz`,
    // The same way for both kinds: what is compared with a pool is this, too.
    own: `http://${SERVICE_IP.http}:${PORT.outbound}`,
    websocket: `ws://${SERVICE_IP.websocket}:${PORT.outbound}/websocket`,
    http2: `http://${SERVICE_IP.http2}:${PORT.outbound}`,
    tcp: `http://${SERVICE_IP.tcp}:${PORT.outbound}`,
  };
}

/**
 * Buffers are larger than nginx's default, with which bodies of 100 kB cost it twice as much. HTTP/2 to a server is its
 * gRPC module's, which passes any request: each stream has an upstream connection from the pool for itself.
 */
export function nginx(folder: string): Proxy {
  const file = join(folder, "nginx.conf");
  const common = `proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header ${ADDED.name} "${ADDED.value}";`;
  writeFileSync(
    file,
    `load_module ${STREAM_MODULE};
${nginxHead(folder, "nginx")}
stream {
  server { listen 127.0.0.1:${NGINX_PORT.tcp} backlog=4096; proxy_pass ${UPSTREAM}; proxy_buffer_size 64k; }
}
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy; fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi; scgi_temp_path ${folder}/nginx-scgi;
  proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;
  upstream pool { server ${UPSTREAM}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s; }
  upstream plain { server ${UPSTREAM}; }
  map $http_${ROUTE_HEADER.replaceAll("-", "_")} $shared { default pool; other plain; }
  map $http_${ROUTE_HEADER.replaceAll("-", "_")} $separate { default plain; other pool; }
  server { listen 127.0.0.1:${NGINX_PORT.pooled} backlog=4096; location / { ${common} proxy_set_header Connection ""; proxy_pass http://$shared; } }
  server { listen 127.0.0.1:${NGINX_PORT.own} backlog=4096; location / { ${common} proxy_set_header Connection "close"; proxy_pass http://$separate; }
    location /websocket { ${common} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://${WEBSOCKET_UPSTREAM}; } }
  upstream http2_pool { server ${HTTP2_UPSTREAM}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s; }
  upstream http2_other { server ${HTTP2_UPSTREAM}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s; }
  map $http_${ROUTE_HEADER.replaceAll("-", "_")} $multiplexed { default http2_pool; other http2_other; }
  server { listen 127.0.0.1:${NGINX_PORT.http2} http2 backlog=4096;
    location / { grpc_buffer_size 64k; grpc_set_header ${ADDED.name} "${ADDED.value}"; grpc_pass grpc://$multiplexed; } }
}
`,
  );
  return {
    name: "nginx",
    start: {
      name: "nginx",
      argv: ["nginx", "-c", file, "-e", "/dev/null"],
      core: PROXY_CORE,
      port: NGINX_PORT.own,
    },
    pooled: `http://127.0.0.1:${NGINX_PORT.pooled}`,
    own: `http://127.0.0.1:${NGINX_PORT.own}`,
    websocket: `ws://127.0.0.1:${NGINX_PORT.own}/websocket`,
    http2: `http://127.0.0.1:${NGINX_PORT.http2}`,
    tcp: `http://127.0.0.1:${NGINX_PORT.tcp}`,
  };
}

/**
 * HTTP/2: streams of all clients share upstream connections (`http-reuse always`), as many on one as the server allows.
 * The window is larger than haproxy's default of 64 kB, for which bodies of 100 kB would wait.
 */
export function haproxy(folder: string): Proxy {
  const file = join(folder, "haproxy.cfg");
  const frontend = (name: string, port: number, protocol = ""): string => `
frontend ${name}
  bind 127.0.0.1:${port} backlog 4096${protocol}
  acl other hdr(${ROUTE_HEADER}) -m str other
  http-request set-header ${ADDED.name} ${ADDED.value}
  use_backend ${name}_other if other
  use_backend websocket if { path /websocket }
  default_backend ${name}_usual`;
  const backend = (name: string, reuse: string, server = UPSTREAM): string => `
backend ${name}
  http-reuse ${reuse}
  server one ${server}`;
  writeFileSync(
    file,
    `global
  maxconn 8000
  nbthread 1
  tune.h2.initial-window-size ${HAPROXY_WINDOW_BYTES}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
${frontend("pooled", HAPROXY_PORT.pooled)}
${backend("pooled_usual", "always")}
${backend("pooled_other", "always")}
${frontend("own", HAPROXY_PORT.own)}
${backend("own_usual", "never")}
${backend("own_other", "never")}
${frontend("http2", HAPROXY_PORT.http2, " proto h2")}
${backend("http2_usual", "always", `${HTTP2_UPSTREAM} proto h2`)}
${backend("http2_other", "always", `${HTTP2_UPSTREAM} proto h2`)}

backend websocket
  server one ${WEBSOCKET_UPSTREAM}

listen tcp
  mode tcp
  bind 127.0.0.1:${HAPROXY_PORT.tcp} backlog 4096
  server one ${UPSTREAM}
`,
  );
  return {
    name: "haproxy",
    start: { name: "haproxy", argv: ["haproxy", "-db", "-f", file], core: PROXY_CORE, port: HAPROXY_PORT.own },
    pooled: `http://127.0.0.1:${HAPROXY_PORT.pooled}`,
    own: `http://127.0.0.1:${HAPROXY_PORT.own}`,
    websocket: `ws://127.0.0.1:${HAPROXY_PORT.own}/websocket`,
    http2: `http://127.0.0.1:${HAPROXY_PORT.http2}`,
    tcp: `http://127.0.0.1:${HAPROXY_PORT.tcp}`,
  };
}

export function caddy(folder: string, executable: string): Proxy {
  const file = join(folder, "Caddyfile");
  const home = join(folder, "caddy");
  mkdirSync(home, { recursive: true });
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
  persist_config off
  servers {
    protocols h1 h2c
  }
}
http://127.0.0.1:${CADDY_PORT.http1} {
  bind 127.0.0.1
  @other header ${ROUTE_HEADER} other
  reverse_proxy /websocket ${WEBSOCKET_UPSTREAM}
  reverse_proxy @other ${UPSTREAM}
  reverse_proxy ${UPSTREAM} {
    header_up ${ADDED.name} ${ADDED.value}
  }
}
http://127.0.0.1:${CADDY_PORT.http2} {
  bind 127.0.0.1
  @other header ${ROUTE_HEADER} other
  reverse_proxy @other h2c://${HTTP2_UPSTREAM}
  reverse_proxy h2c://${HTTP2_UPSTREAM} {
    header_up ${ADDED.name} ${ADDED.value}
  }
}
`,
  );
  const env = { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home };
  const argv = [executable, "run", "--config", file, "--adapter", "caddyfile"];
  return {
    name: "caddy",
    start: { name: "caddy", argv, env, core: PROXY_CORE, port: CADDY_PORT.http1 },
    pooled: `http://127.0.0.1:${CADDY_PORT.http1}`,
    websocket: `ws://127.0.0.1:${CADDY_PORT.http1}/websocket`,
    http2: `http://127.0.0.1:${CADDY_PORT.http2}`,
  };
}
