/** HTTP/2 servers on loopback that remember what they were asked. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Endpoint } from "../../../../proxy/tcp/dial.ts";

export interface Http2Server extends Endpoint {
  readonly requests: readonly IncomingHttpHeaders[];
  readonly sessions: () => number;
  /** Resolves with the code of the first stream that was reset. */
  readonly aborted: Promise<number>;
  /** Of each answer, what no window has let out yet. */
  readonly unsent: () => readonly number[];
  /** Wants no more of the requests, whatever was answered (RFC 9113 §8.1). */
  readonly hangUp: () => void;
  readonly close: () => Promise<void>;
}

export interface Http2ServerOptions {
  /** Sends the request's content back, with a trailer. */
  readonly echo?: boolean;
  /** In place of that trailer, `grpc-status: 0`. */
  readonly trailers?: OutgoingHttpHeaders;
  /** Answers with these fields alone, as gRPC does where a call fails at once. */
  readonly trailersOnly?: OutgoingHttpHeaders;
  /** Never answers. */
  readonly silent?: boolean;
  readonly delayMs?: number;
  /** Answers with so many bytes. */
  readonly bulk?: number;
  /** Answers and never reads. */
  readonly stalled?: boolean;
  /** Takes extended CONNECT (RFC 8441), and sends back what comes by it. */
  readonly connects?: boolean;
}

export async function http2Server(answer: string, options: Http2ServerOptions = {}): Promise<Http2Server> {
  const requests: IncomingHttpHeaders[] = [];
  const open = new Set<ServerHttp2Session>();
  const aborted = Promise.withResolvers<number>();
  const streams: ServerHttp2Stream[] = [];
  let sessions = 0;
  const server = createServer({ settings: { enableConnectProtocol: options.connects === true } });
  server.on("session", (session) => {
    sessions += 1;
    open.add(session);
    session.on("error", () => {});
    session.once("close", () => open.delete(session));
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    requests.push(headers);
    streams.push(stream);
    stream.on("error", () => {});
    stream.once("close", () => {
      if (stream.rstCode !== 0) aborted.resolve(stream.rstCode);
    });
    if (options.silent === true) return;
    if (headers[":protocol"] !== undefined) {
      stream.respond({ ":status": 200, "content-length": "1" });
      stream.pipe(stream);
      return;
    }
    if (options.trailersOnly !== undefined) {
      stream.respond({ ":status": 200, ...options.trailersOnly }, { endStream: true });
      return;
    }
    if (options.stalled === true) {
      stream.pause();
      stream.respond({ ":status": 200 });
      return;
    }
    if (options.echo !== true) {
      setTimeout(() => {
        if (stream.destroyed) return;
        stream.respond({ ":status": 200 });
        stream.end(options.bulk === undefined ? answer : Buffer.alloc(options.bulk));
      }, options.delayMs ?? 0);
      return;
    }
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(options.trailers ?? { "grpc-status": "0" }));
    stream.pipe(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    address: "127.0.0.1",
    port: address.port,
    requests,
    sessions: () => sessions,
    aborted: aborted.promise,
    unsent: () => streams.map((stream) => stream.writableLength),
    hangUp: () => {
      for (const stream of streams) stream.close(0);
    },
    close: async () => {
      for (const session of open) session.destroy();
      server.close();
    },
  };
}
