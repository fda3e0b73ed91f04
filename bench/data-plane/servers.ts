/** The servers behind every proxy, on the load generator's core: nginx, from memory and the page cache, and Bun for WebSocket. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOAD_CORE, SERVICE_IP, UPSTREAM_PORT } from "./places.ts";
import { type Program, startProgram } from "./processes.ts";

export const SIZES = { "200 B": 200, "1 kB": 1000, "100 kB": 100_000, "10 MB": 10_000_000 } as const;
export type Size = keyof typeof SIZES;

export function pathOf(size: Size): string {
  return `/${SIZES[size]}`;
}

/** Of one answer of a streaming call. */
export const GRPC_STREAM_MESSAGES = 100;

/** A message as it lies in a body: not compressed, its length, its bytes. */
export function grpcMessage(size: Size): Buffer {
  const message = Buffer.alloc(5 + SIZES[size], "x");
  message.writeUInt8(0, 0);
  message.writeUInt32BE(SIZES[size], 1);
  return message;
}

export async function startUpstream(folder: string): Promise<Program> {
  const files = join(folder, "files");
  mkdirSync(files, { recursive: true });
  for (const bytes of Object.values(SIZES)) writeFileSync(join(files, String(bytes)), Buffer.alloc(bytes, "x"));
  mkdirSync(join(files, "grpc"), { recursive: true });
  writeFileSync(join(files, "grpc/unary"), grpcMessage("200 B"));
  writeFileSync(
    join(files, "grpc/stream"),
    Buffer.concat(Array.from({ length: GRPC_STREAM_MESSAGES }, () => grpcMessage("1 kB"))),
  );
  const config = join(folder, "upstream.conf");
  writeFileSync(config, upstreamConfig(folder, files));
  return startProgram({
    name: "upstream",
    argv: ["nginx", "-c", config, "-e", "/dev/null"],
    core: LOAD_CORE,
    port: UPSTREAM_PORT.http,
  });
}

export async function startWebSocketServer(): Promise<Program> {
  return startProgram({
    name: "WebSocket server",
    argv: [process.execPath, join(import.meta.dir, "websocket-server.ts"), String(UPSTREAM_PORT.websocket)],
    core: LOAD_CORE,
    port: UPSTREAM_PORT.websocket,
  });
}

/**
 * Small bodies come from the configuration, without a file. A call of gRPC is a POST, which nginx has no file for: its
 * error page is the answer, with the trailer that ends a call. `mirror` makes it read the request first, as gRPC's servers do:
 * else it resets what it has answered. Each message of a stream has a frame of its own.
 */
function upstreamConfig(folder: string, files: string): string {
  const small = (["200 B", "1 kB"] as const).map(
    (size) => `location = ${pathOf(size)} { return 200 "${"x".repeat(SIZES[size])}"; }`,
  );
  const listens = ["127.0.0.1", SERVICE_IP.tcp].map((ip) => `listen ${ip}:${UPSTREAM_PORT.http} backlog=4096;`);
  return `${nginxHead(folder, "upstream")}
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/octet-stream;
  sendfile on; tcp_nopush on; open_file_cache max=10 inactive=600s; open_file_cache_valid 600s;
  client_body_temp_path ${folder}/upstream-body; proxy_temp_path ${folder}/upstream-proxy; fastcgi_temp_path ${folder}/upstream-fastcgi;
  uwsgi_temp_path ${folder}/upstream-uwsgi; scgi_temp_path ${folder}/upstream-scgi;
  server { ${listens.join(" ")} root ${files}; ${small.join(" ")} }
  server { listen 127.0.0.1:${UPSTREAM_PORT.http2} http2 backlog=4096; root ${files}; ${small.join(" ")}
    location = /mirror { internal; return 204; }
    location /grpc/ { mirror /mirror; default_type application/grpc; error_page 405 =200 $uri; add_trailer grpc-status 0;
      location = /grpc/stream { error_page 405 =200 $uri; add_trailer grpc-status 0; http2_chunk_size ${grpcMessage("1 kB").length}; } } }
}
`;
}

/** One worker, as the proxy has one core. */
export function nginxHead(folder: string, name: string): string {
  return `worker_processes 1; daemon off; pid ${folder}/${name}.pid; worker_rlimit_nofile 65536; user root;
events { worker_connections 16384; }`;
}
