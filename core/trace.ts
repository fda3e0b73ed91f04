/**
 * What a sidecar tells of the HTTP exchanges of its pod, on PORT.traces: a JSON object a line. The client's first line
 * is a `TraceWish`; the answer is a hello, what the sidecar remembers, and then what happens. Or the line is
 * ROUTES_WISH, and the answer the route table that the sidecar has, as the snapshot of a feed.
 */
import { asArray, asNumber, asString, at, parseJson } from "./parse.ts";

/** `in` to the pod, `out` of it, or `enter`: from outside, through a port-forward. */
export type Direction = "in" | "out" | "enter";

/** What named the space of a request. */
export type SpaceSource = "header" | "baggage" | "host";

export interface TraceWish {
  /** What is remembered comes first. */
  readonly backlog: boolean;
  /** What happens comes then; without it that was all, and the connection ends. Default: true. */
  readonly follow?: boolean;
  /** Header fields of both messages. */
  readonly fields: boolean;
  readonly bodies: boolean;
}

export interface RequestTrace {
  readonly type: "request";
  /** Unique in one run of the sidecar's worker, which `hello` names. */
  readonly id: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly direction: Direction;
  readonly method: string;
  readonly authority: string;
  /** The request's target with its query. */
  readonly path: string;
  /** It came by HTTP/2. */
  readonly http2?: true;
  /** What an extended CONNECT asks for, as `websocket` (RFC 8441 §4). */
  readonly protocol?: string;
  /** Address of the client; empty where it is the pod itself. */
  readonly peer: string;
  /** The space of the request and what named it; absent: none was named. */
  readonly space?: string;
  readonly source?: SpaceSource;
  /** `space` is none of this tree and was ignored. */
  readonly unknownSpace?: true;
  /** The kubelet asked whether the application lives. */
  readonly probe?: true;
  /** A `RouteReason`; a newer sidecar may have more. */
  readonly reason: string;
  /** As the request carries them (W3C Trace Context §3.2; `x-request-id` by custom). */
  readonly traceparent?: string;
  readonly requestId?: string;
}

export interface ResponseTrace {
  readonly type: "response";
  readonly id: number;
  /** 0: there was none. */
  readonly status: number;
  /** What a gRPC call ended with (`grpc-status`); absent where none was told. */
  readonly grpcStatus?: number;
  /** False when the exchange broke off. */
  readonly complete: boolean;
  /** Who was reached; an empty address: nobody. */
  readonly address: string;
  readonly port: number;
  /** `<namespace>/<service>`, where the address is one's. */
  readonly service?: string;
  /** Targets that were tried. */
  readonly tries: number;
  /** Milliseconds: until the decision, then until the connection, then until the answer's head; and of all. */
  readonly queueMs: number;
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly totalMs: number;
  /** On the wire, heads included. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly request?: MessageTrace;
  readonly response?: MessageTrace;
}

/** One message as far as it was asked for and kept. */
export interface MessageTrace {
  /** In their order; values of secret ones are replaced. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body?: BodyTrace;
  /** Fields behind the body. */
  readonly trailers?: readonly (readonly [string, string])[];
}

export interface BodyTrace {
  readonly text: string;
  /** Bodies that are no UTF-8 come as base64. */
  readonly encoding: "utf8" | "base64";
  /** Only its beginning. */
  readonly cut: boolean;
}

/** Nothing but the end is the answer of a sidecar that has no table yet. */
export const ROUTES_WISH = "routes";

export type TraceMessage =
  | { readonly type: "hello"; readonly run: string }
  | RequestTrace
  | ResponseTrace
  /** So many messages were left out, because the client reads too slowly. */
  | { readonly type: "dropped"; readonly count: number }
  /** Nothing more comes. Said before the connection ends, which a forwarded port tells late. */
  | { readonly type: "end" };

/** In place of a secret value. */
export const REDACTED = "[redacted]";

/** Fields whose values no trace shows, lower case. */
export const SECRET_FIELDS: readonly string[] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

const ALL: TraceWish = { backlog: true, follow: true, fields: false, bodies: false };

/** Of a client that says nothing, or no JSON, the default. */
export function parseTraceWish(line: string): TraceWish {
  if (line.trim() === "") return ALL;
  const value = parseJson(line, { code: "PROTOCOL", path: "trace wish" });
  return {
    backlog: at(value, "backlog") !== false,
    follow: at(value, "follow") !== false,
    fields: at(value, "fields") === true,
    bodies: at(value, "bodies") === true,
  };
}

/**
 * `undefined` for a kind this version does not know.
 * @throws AzdsError PROTOCOL when the line is no JSON
 */
export function parseTraceMessage(line: string): TraceMessage | undefined {
  const value = parseJson(line, { code: "PROTOCOL", path: "trace" });
  const type = at(value, "type");
  switch (type) {
    case "hello":
      return { type, run: textAt(value, "run") };
    case "dropped":
      return { type, count: numberAt(value, "count") };
    case "end":
      return { type };
    case "request":
      return parseRequest(value);
    case "response":
      return parseResponse(value);
    default:
      return undefined;
  }
}

function parseRequest(value: unknown): RequestTrace {
  const direction = at(value, "direction");
  const source = at(value, "source");
  return {
    type: "request",
    id: numberAt(value, "id"),
    at: numberAt(value, "at"),
    direction: direction === "in" || direction === "enter" ? direction : "out",
    method: textAt(value, "method"),
    authority: textAt(value, "authority"),
    path: textAt(value, "path"),
    ...(at(value, "http2") === true ? { http2: true as const } : {}),
    ...textMember(value, "protocol"),
    peer: textAt(value, "peer"),
    ...textMember(value, "space"),
    ...(source === "header" || source === "baggage" || source === "host" ? { source } : {}),
    ...(at(value, "unknownSpace") === true ? { unknownSpace: true as const } : {}),
    ...(at(value, "probe") === true ? { probe: true as const } : {}),
    reason: textAt(value, "reason"),
    ...textMember(value, "traceparent"),
    ...textMember(value, "requestId"),
  };
}

function parseResponse(value: unknown): ResponseTrace {
  const grpcStatus = asNumber(at(value, "grpcStatus"));
  const [request, response] = [parseMessage(at(value, "request")), parseMessage(at(value, "response"))];
  return {
    type: "response",
    id: numberAt(value, "id"),
    status: numberAt(value, "status"),
    ...(grpcStatus === undefined ? {} : { grpcStatus }),
    complete: at(value, "complete") === true,
    address: textAt(value, "address"),
    port: numberAt(value, "port"),
    ...textMember(value, "service"),
    tries: numberAt(value, "tries"),
    queueMs: numberAt(value, "queueMs"),
    connectMs: numberAt(value, "connectMs"),
    firstByteMs: numberAt(value, "firstByteMs"),
    totalMs: numberAt(value, "totalMs"),
    requestBytes: numberAt(value, "requestBytes"),
    responseBytes: numberAt(value, "responseBytes"),
    ...(request === undefined ? {} : { request }),
    ...(response === undefined ? {} : { response }),
  };
}

function parseMessage(value: unknown): MessageTrace | undefined {
  if (value === undefined) return undefined;
  const body = at(value, "body");
  const trailers = fieldsAt(value, "trailers");
  return {
    fields: fieldsAt(value, "fields"),
    ...(body === undefined
      ? {}
      : {
          body: {
            text: textAt(body, "text"),
            encoding: at(body, "encoding") === "base64" ? "base64" : "utf8",
            cut: at(body, "cut") === true,
          },
        }),
    ...(trailers.length === 0 ? {} : { trailers }),
  };
}

function fieldsAt(value: unknown, key: string): MessageTrace["fields"] {
  return asArray(at(value, key)).map((field) => [asString(at(field, 0)) ?? "", asString(at(field, 1)) ?? ""]);
}

/** No key for what is absent, as `exactOptionalPropertyTypes` wants it. */
function textMember<K extends string>(value: unknown, key: K): Partial<Record<K, string>> {
  const text = asString(at(value, key));
  const members: Partial<Record<string, string>> = text === undefined ? {} : { [key]: text };
  return members;
}

function textAt(value: unknown, key: string): string {
  return asString(at(value, key)) ?? "";
}

function numberAt(value: unknown, key: string): number {
  return asNumber(at(value, key)) ?? 0;
}
