/** What is measured: bodies, connections, and whether a connection carries one request or many. */
import { type Http2Protocol, isHttp2 } from "./http2.ts";
import type { Proxy } from "./proxies.ts";
import { GRPC_STREAM_MESSAGES, type Size } from "./servers.ts";

export interface RowSpec {
  readonly protocol: "HTTP/1.1" | "WebSocket" | "TCP" | Http2Protocol;
  readonly size: Size;
  readonly connections: number;
  /** Each request on a connection of its own. */
  readonly connects: boolean;
  /** Requests at a time on each connection, where there can be several. */
  readonly streams?: number;
}

const keepAlive = (size: Size, ...counts: readonly number[]): readonly RowSpec[] =>
  counts.map((connections) => ({ protocol: "HTTP/1.1", size, connections, connects: false }));
const perRequest = (size: Size, ...counts: readonly number[]): readonly RowSpec[] =>
  counts.map((connections) => ({ protocol: "HTTP/1.1", size, connections, connects: true }));
const webSocket = (size: Size, ...counts: readonly number[]): readonly RowSpec[] =>
  counts.map((connections) => ({ protocol: "WebSocket", size, connections, connects: false }));
/** @param counts connections, and streams on each */
const multiplexed = (
  protocol: Http2Protocol,
  size: Size,
  ...counts: readonly (readonly [number, number])[]
): readonly RowSpec[] =>
  counts.map(([connections, streams]) => ({ protocol, size, connections, streams, connects: false }));
const tcp = (rows: readonly RowSpec[]): readonly RowSpec[] => rows.map((row) => ({ ...row, protocol: "TCP" }));

export const ROWS: readonly RowSpec[] = [
  ...keepAlive("200 B", 1, 16, 64, 512),
  ...keepAlive("1 kB", 1, 16, 64, 512),
  ...keepAlive("100 kB", 1, 16, 64, 512),
  ...keepAlive("10 MB", 1, 16),
  ...perRequest("200 B", 1, 16, 64, 512),
  ...perRequest("1 kB", 16, 64),
  ...perRequest("100 kB", 16),
  ...webSocket("200 B", 1, 64),
  ...multiplexed("HTTP/2", "200 B", [1, 16], [16, 16]),
  ...multiplexed("HTTP/2", "1 kB", [16, 16]),
  ...multiplexed("HTTP/2", "100 kB", [16, 4]),
  ...multiplexed("gRPC unary", "200 B", [16, 16]),
  ...multiplexed("gRPC server streaming", "1 kB", [16, 4]),
  ...tcp([...keepAlive("1 kB", 64), ...keepAlive("100 kB", 16), ...keepAlive("10 MB", 16), ...perRequest("200 B", 16)]),
];

export const QUICK_ROWS: readonly RowSpec[] = [
  ...keepAlive("200 B", 16, 64),
  ...keepAlive("1 kB", 1, 64, 512),
  ...keepAlive("100 kB", 16),
  ...keepAlive("10 MB", 16),
  ...perRequest("200 B", 16, 64),
  ...webSocket("200 B", 64),
  ...multiplexed("HTTP/2", "200 B", [16, 16]),
  ...multiplexed("gRPC unary", "200 B", [16, 16]),
  ...tcp(keepAlive("1 kB", 64)),
];

/** Memory while these run, in a proxy that has just started; megabytes that the sidecar may take. */
export const MEMORY_ROWS: readonly (RowSpec & { readonly target: number })[] = [
  { protocol: "HTTP/1.1", size: "1 kB", connections: 64, connects: false, target: 45 },
  { protocol: "HTTP/1.1", size: "10 MB", connections: 512, connects: false, target: 256 },
];

export function nameOf({ protocol, size, connections, connects, streams }: RowSpec): string {
  if (streams !== undefined) {
    const bodies = protocol === "gRPC server streaming" ? `${GRPC_STREAM_MESSAGES} messages of ${size}` : size;
    return `${protocol}, ${bodies}, ${connections} x ${streams} streams`;
  }
  return `${protocol}, ${size}, ${connections} ${connects ? "x connection per request" : "kept alive"}`;
}

/** One way through one proxy. */
export interface Lane {
  readonly label: string;
  readonly proxy: Proxy;
  readonly url: string;
  /** The sidecar is compared with the better of these. */
  readonly base: boolean;
}

const BASES: ReadonlySet<string> = new Set(["nginx", "haproxy"]);

/** Kept alive, everybody's fastest way. Per request, those with a connection of their own upstream, as ours; pools beside. */
export function lanesOf(spec: RowSpec, proxies: readonly Proxy[]): readonly Lane[] {
  return proxies.flatMap((proxy) => {
    const { name, pooled, own } = proxy;
    const isBase = BASES.has(name);
    if (spec.protocol !== "HTTP/1.1") {
      const url = otherUrlOf(proxy, spec.protocol);
      return url === undefined ? [] : [{ label: name, proxy, url, base: isBase }];
    }
    const pool = pooled === undefined ? [] : [{ label: `${name}, pool`, proxy, url: pooled, base: false }];
    const separate = own === undefined ? [] : [{ label: name, proxy, url: own, base: isBase }];
    if (spec.connects) return [...separate, ...pool];
    return [{ label: name, proxy, url: pooled ?? own ?? "", base: isBase }];
  });
}

function otherUrlOf({ tcp: bytes, websocket, http2 }: Proxy, protocol: RowSpec["protocol"]): string | undefined {
  if (isHttp2(protocol)) return http2;
  return protocol === "TCP" ? bytes : websocket;
}
