/** From what the data path has noted to what a client of the traces reads. Secrets end here: nothing behind this has them. */
import { TRACE_BODY_BYTES_MAX } from "../../core/limits.ts";
import {
  type BodyTrace,
  type MessageTrace,
  REDACTED,
  type RequestTrace,
  type ResponseTrace,
  SECRET_FIELDS,
  type TraceWish,
} from "../../core/trace.ts";
import { ChunkedScanner } from "../http/chunked.ts";
import { findHeadEnd } from "../http/head.ts";
import type { CapturedMessage, Capture } from "./capture.ts";
import type { NotedExchange } from "./exchange-record.ts";

/** Names of fields and query parameters whose values are never told, lower case. */
export type Secrets = ReadonlySet<string>;

/** @param configured names beside those that always are */
export function secretNames(configured: readonly string[]): Secrets {
  return new Set([...SECRET_FIELDS, ...configured.map((name) => name.toLowerCase())]);
}

export function formatRequest(request: NotedExchange, secrets: Secrets): RequestTrace {
  return {
    type: "request",
    id: request.id,
    at: Math.round(performance.timeOrigin + request.begunAt - request.queueMs),
    direction: request.direction,
    method: request.method,
    authority: request.authority ?? "",
    path: redactQuery(request.target, secrets),
    ...(request.http2 === true ? { http2: true as const } : {}),
    ...(request.protocol === undefined ? {} : { protocol: request.protocol }),
    peer: request.peer,
    ...(request.routeAs === undefined ? {} : { space: request.routeAs }),
    ...(request.source === undefined ? {} : { source: request.source }),
    ...(request.unknownSpace ? { unknownSpace: true as const } : {}),
    ...(request.probe ? { probe: true as const } : {}),
    reason: request.reason,
    ...(request.traceparent === undefined ? {} : { traceparent: request.traceparent }),
    ...(request.requestId === undefined ? {} : { requestId: request.requestId }),
  };
}

export interface Told {
  readonly wish: TraceWish;
  readonly secrets: Secrets;
  readonly capture?: Capture | undefined;
}

export function formatResponse(record: NotedExchange, told: Told): ResponseTrace {
  const { begunAt, connectedAt, respondedAt, endedAt, reached, queueMs } = record;
  const { service } = reached ?? {};
  return {
    type: "response",
    id: record.id,
    status: record.status,
    ...(record.grpcStatus < 0 ? {} : { grpcStatus: record.grpcStatus }),
    complete: record.complete,
    address: reached?.address ?? "",
    port: reached?.port ?? 0,
    ...(service === undefined ? {} : { service }),
    tries: record.tries,
    queueMs: rounded(queueMs),
    connectMs: connectedAt === 0 ? 0 : rounded(connectedAt - begunAt),
    firstByteMs: respondedAt === 0 || connectedAt === 0 ? 0 : rounded(respondedAt - connectedAt),
    totalMs: rounded(endedAt - begunAt + queueMs),
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    ...messagesOf(told),
  };
}

/** Microseconds are enough. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function messagesOf({ capture, wish, secrets }: Told): Pick<ResponseTrace, "request" | "response"> {
  if (capture === undefined || !(wish.fields || wish.bodies)) return {};
  const { request, response } = capture.messages;
  const [sent, received] = [messageOf(request, wish, secrets), messageOf(response, wish, secrets)];
  return {
    ...(sent === undefined ? {} : { request: sent }),
    ...(received === undefined ? {} : { response: received }),
  };
}

function messageOf(message: CapturedMessage, wish: TraceWish, secrets: Secrets): MessageTrace | undefined {
  const bytes = message.bytes();
  const head = finalHead(bytes);
  if (head === undefined) return undefined;
  const fields = fieldsOf(bytes.toString("latin1", head.start, head.end));
  const rest = bytes.subarray(head.end);
  const { content, trailers } = isChunked(fields)
    ? unchunked(rest)
    : { content: rest, trailers: message.trailers.map(({ name, value }) => [name, value] as const) };
  const body = wish.bodies ? bodyOf(content, message.cut) : undefined;
  return {
    fields: wish.fields ? redactFields(fields, secrets) : [],
    ...(body === undefined ? {} : { body }),
    ...(wish.fields && trailers.length > 0 ? { trailers: redactFields(trailers, secrets) } : {}),
  };
}

function redactFields(fields: Fields, secrets: Secrets): Fields {
  return fields.map(([name, value]) => [name, secrets.has(name.toLowerCase()) ? REDACTED : value]);
}

/** Behind interim responses (1xx, but 101). */
function finalHead(bytes: Buffer): { readonly start: number; readonly end: number } | undefined {
  for (let start = 0; ;) {
    const end = findHeadEnd(bytes, start);
    if (typeof end !== "number" || end === 0) return undefined;
    if (!/^HTTP\/1\.\d 1(?!01)/.test(bytes.toString("latin1", start, start + 12))) return { start, end };
    start = end;
  }
}

type Fields = readonly (readonly [string, string])[];

function fieldsOf(head: string): Fields {
  return head
    .split("\r\n")
    .slice(1)
    .flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const];
    });
}

function bodyOf(content: Buffer, cut: boolean): BodyTrace | undefined {
  if (content.length === 0) return undefined;
  const kept = content.subarray(0, TRACE_BODY_BYTES_MAX);
  const isCut = cut || kept.length < content.length;
  const text = textOf(kept, isCut);
  return text === undefined
    ? { text: kept.toString("base64"), encoding: "base64", cut: isCut }
    : { text, encoding: "utf8", cut: isCut };
}

function isChunked(fields: Fields): boolean {
  return fields.some(
    ([name, value]) => name.toLowerCase() === "transfer-encoding" && value.toLowerCase().endsWith("chunked"),
  );
}

function unchunked(bytes: Buffer): { readonly content: Buffer; readonly trailers: Fields } {
  const parts: Buffer[] = [];
  let contentEnd = 0;
  const scanner = new ChunkedScanner((part) => {
    parts.push(part);
    contentEnd = part.byteOffset + part.length - bytes.byteOffset;
  });
  const end = scanner.scan(bytes, 0, bytes.length);
  // Behind the last content, whose line ends there, come the size of the last chunk and the trailers.
  const last = bytes.toString("latin1", contentEnd, Math.max(end, contentEnd)).replace(/^\r\n/, "");
  return { content: Buffer.concat(parts), trailers: scanner.done ? fieldsOf(last) : [] };
}

/** A cut may lie within a character; `stream` leaves that one out. */
function textOf(bytes: Buffer, isCut: boolean): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}

function redactQuery(target: string, secrets: Secrets): string {
  const question = target.indexOf("?");
  if (question < 0) return target;
  const pairs = target.slice(question + 1).split("&");
  return `${target.slice(0, question)}?${pairs.map((pair) => redactPair(pair, secrets)).join("&")}`;
}

function redactPair(pair: string, secrets: Secrets): string {
  const name = pair.split("=", 1)[0] ?? "";
  return pair !== name && secrets.has(plainName(name)) ? `${name}=${REDACTED}` : pair;
}

function plainName(name: string): string {
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}
