/**
 * HTTP/2 without TLS, and gRPC, which is messages in its bodies: requests of h2load, prior knowledge on both sides of the
 * proxy, and one look at the answer before anything is measured.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantile } from "../report.ts";
import { type Load, type LoadResult, outputOf } from "./load.ts";
import { GRPC_STREAM_MESSAGES, grpcMessage, pathOf, type Size, SIZES } from "./servers.ts";

export type Http2Protocol = "HTTP/2" | "gRPC unary" | "gRPC server streaming";

export interface Http2Load extends Load {
  readonly protocol: Http2Protocol;
  readonly size: Size;
  /** Requests at a time on each connection. */
  readonly streams: number;
}

const GRPC_HEADERS = ["content-type: application/grpc", "te: trailers"];
const CHECK_MS_MAX = 10_000;

export function isHttp2(protocol: string): protocol is Http2Protocol {
  return protocol === "HTTP/2" || protocol.startsWith("gRPC");
}

/** @throws Error when h2load fails */
export async function h2load(load: Http2Load): Promise<LoadResult> {
  const { connections, streams, seconds, headers } = load;
  const folder = mkdtempSync(join(tmpdir(), "azds-h2load-"));
  const [log, body] = [join(folder, "log"), join(folder, "body")];
  const sent = bodyOf(load);
  if (sent !== undefined) writeFileSync(body, sent);
  const flags = ["--threads=1", `--clients=${connections}`, `--max-concurrent-streams=${streams}`];
  const named = [...headers, ...(sent === undefined ? [] : GRPC_HEADERS)].map((header) => `--header=${header}`);
  const data = sent === undefined ? [] : [`--data=${body}`];
  try {
    const timed = [`--duration=${seconds}`, `--log-file=${log}`];
    const said = await outputOf(["h2load", ...flags, ...timed, ...named, ...data, urlOf(load)]);
    return resultOf(said, readFileSync(log, "utf8"), seconds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** h2load tells no quantiles, but logs each request: start, status, microseconds until its end. */
function resultOf(said: string, log: string, seconds: number): LoadResult {
  const lines = log.trimEnd().split("\n");
  const times: number[] = [];
  for (const line of lines) {
    const [, status, time] = line.split("\t");
    if (status === "200") times.push(Number(time));
  }
  // Most of those that failed are logged, too.
  const errors = Math.max(lines.length - times.length, Number(/(\d+) failed/.exec(said)?.[1] ?? 0));
  if (times.length === 0) throw new Error(`h2load had no answers\n${said}`);
  return { requests: times.length, seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99), errors };
}

/** @throws Error when the answer is not the one that shall be measured */
export async function checkAnswer(load: Http2Load): Promise<void> {
  const { pathname, origin } = new URL(urlOf(load));
  const client = connect(origin);
  const sent = bodyOf(load);
  const headers = [...load.headers, ...(sent === undefined ? [] : GRPC_HEADERS)];
  const fields = Object.fromEntries(
    headers.map((header): [string, string] => {
      const [name = "", value = ""] = header.split(": ");
      return [name, value];
    }),
  );
  const method = sent === undefined ? "GET" : "POST";
  const found = { status: 0, bytes: 0, grpc: "" };
  const request = client.request({ ...fields, ":method": method, ":path": pathname });
  const done = Promise.withResolvers<void>();
  const late = setTimeout(() => done.reject(new Error(`\`${origin}\` does not answer`)), CHECK_MS_MAX);
  client.on("error", done.reject);
  request.on("error", done.reject);
  request.on("response", (received) => void (found.status = Number(received[":status"])));
  request.on("trailers", (trailers) => void (found.grpc = String(trailers["grpc-status"])));
  request.on("data", (bytes: Buffer) => void (found.bytes += bytes.length));
  request.on("end", () => done.resolve());
  request.end(sent);
  try {
    await done.promise;
  } finally {
    clearTimeout(late);
    client.close();
  }
  const expected = { status: 200, bytes: answerBytes(load), grpc: sent === undefined ? "" : "0" };
  if (!Bun.deepEquals(found, expected))
    throw new Error(`\`${urlOf(load)}\` answers ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
}

function urlOf({ url, protocol, size }: Http2Load): string {
  return `${url}${protocol === "HTTP/2" ? pathOf(size) : grpcPathOf(protocol)}`;
}

function grpcPathOf(protocol: Http2Protocol): string {
  return protocol === "gRPC unary" ? "/grpc/unary" : "/grpc/stream";
}

/** What is sent with each request: calls of gRPC carry a message, streaming ones a small one. */
function bodyOf({ protocol }: Http2Load): Buffer | undefined {
  return protocol === "HTTP/2" ? undefined : grpcMessage("200 B");
}

function answerBytes({ protocol, size }: Http2Load): number {
  if (protocol === "HTTP/2") return SIZES[size];
  return grpcMessage(size).length * (protocol === "gRPC unary" ? 1 : GRPC_STREAM_MESSAGES);
}
