/** Requests and responses as HTTP/2 writes them (RFC 9113 §8.3), and what goes out instead of what came in. */
import { HOP_HEADER, ROUTE_HEADER } from "../../core/contract.ts";
import { parseGrpcStatus } from "../../core/grpc-status.ts";
import { PROBE_AGENT } from "../http/head.ts";
import type { LineEdit } from "../http/request-edit.ts";
import type { RequestHead } from "../http/request-head.ts";
import { Field, type FieldKind } from "./field.ts";

export interface Request {
  /** As the policy of HTTP/1 reads it. */
  readonly head: RequestHead;
  readonly fields: readonly Field[];
  /** Some field must not be passed on. */
  readonly marked: boolean;
}

type Texts = Partial<Record<FieldKind, string>>;

/** `undefined` when it is malformed. */
export function readRequest(fields: readonly Field[]): Request | undefined {
  const texts: Texts = {};
  let contentLength = -1;
  let regular = false;
  for (const field of fields) {
    const { kind } = field;
    if (kind === "forbidden" || kind === "status") return undefined;
    if (field.pseudo) {
      // Once each, and before all other fields.
      if (regular || texts[kind] !== undefined) return undefined;
      texts[kind] = field.value;
      continue;
    }
    regular = true;
    if (kind === "regular") continue;
    if (kind === "content-length") {
      const length = parseLength(field.value);
      if (length === undefined || (contentLength >= 0 && length !== contentLength)) return undefined;
      contentLength = length;
    } else if (kind === "host" && texts.host !== undefined) return undefined;
    // Several lines are one list (RFC 9110 §5.3).
    else if (kind === "baggage" && texts.baggage !== undefined) texts.baggage += `,${field.value}`;
    else texts[kind] ??= field.value;
  }
  const head = headOf(texts, contentLength);
  return head === undefined ? undefined : { head, fields, marked: texts["hop-mark"] !== undefined };
}

function headOf(texts: Texts, contentLength: number): RequestHead | undefined {
  const { method, scheme, path, authority, host, protocol } = texts;
  if (method === undefined || method === "") return undefined;
  if (authority !== undefined && host !== undefined && authority !== host) return undefined;
  const connect = method === "CONNECT" && protocol === undefined;
  if (connect ? scheme !== undefined || path !== undefined || authority === undefined : !isTarget(scheme, path, method))
    return undefined;
  // RFC 8441 §4.
  if (protocol !== undefined && (protocol === "" || method !== "CONNECT" || authority === undefined)) return undefined;
  return {
    start: 0,
    end: 0,
    method,
    target: connect ? (authority ?? "") : (path ?? ""),
    http10: false,
    http2: true,
    protocol,
    fields: {
      contentLength,
      transferCoded: false,
      chunked: false,
      close: false,
      keepAlive: false,
      upgrades: undefined,
      host: authority ?? host,
      acceptsHtml: texts.accept?.includes("text/html") === true,
      routeAs: texts.route?.toLowerCase(),
      baggage: texts.baggage,
      traceparent: texts.traceparent,
      requestId: texts["request-id"],
      grpcStatus: -1,
      probe: texts["user-agent"]?.startsWith(PROBE_AGENT) === true,
      routedTo: texts["hop-mark"],
      cuts: [],
    },
  };
}

function isTarget(scheme: string | undefined, path: string | undefined, method: string): boolean {
  if (scheme === undefined || scheme === "" || path === undefined) return false;
  return path.startsWith("/") || (path === "*" && method === "OPTIONS");
}

function parseLength(text: string): number | undefined {
  const length = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(length) ? length : undefined;
}

export interface Response {
  readonly status: number;
  /** As `content-length` announces it; -1 where it does not. */
  readonly contentLength: number;
  /** Of gRPC's responses that are their trailers alone; -1 in all others. */
  readonly grpcStatus: number;
}

/** `undefined` when it is malformed. */
export function readResponse(fields: readonly Field[]): Response | undefined {
  // The only pseudo-field there is, so it stands first.
  const [first] = fields;
  if (first?.kind !== "status" || !/^[1-9]\d\d$/.test(first.value)) return undefined;
  const status = Number(first.value);
  // Has no meaning here (§8.6).
  if (status === 101) return undefined;
  let contentLength = -1;
  let grpcStatus = -1;
  for (let i = 1; i < fields.length; i += 1) {
    const field = fields[i];
    if (field === undefined || field.pseudo || field.kind === "forbidden") return undefined;
    if (field.kind === "content-length" && contentLength < 0) contentLength = parseLength(field.value) ?? -1;
    else if (field.kind === "grpc-status") grpcStatus = parseGrpcStatus(field.value);
  }
  return { status, contentLength, grpcStatus };
}

/** Content of a response that is to be expected; -1 where it is not told or none comes (RFC 9110 §8.6). */
export function contentOf(response: Response, method: string): number {
  const { status, contentLength } = response;
  const none = method === "HEAD" || status === 304 || status === 204 || status < 200;
  return none || beginsTunnel(response, method) ? -1 : contentLength;
}

/** What follows on the stream is another protocol's (RFC 9113 §8.5), whatever length is told (RFC 9110 §9.3.6). */
export function beginsTunnel({ status }: Response, method: string): boolean {
  return method === "CONNECT" && status >= 200 && status < 300;
}

/** That of gRPC's trailers (its "HTTP2 protocol mapping", Responses); -1 where they have none. */
export function grpcStatusOf(trailers: readonly Field[]): number {
  for (const { kind, value } of trailers) if (kind === "grpc-status") return parseGrpcStatus(value);
  return -1;
}

export function areTrailers(fields: readonly Field[]): boolean {
  return fields.every((field) => !field.pseudo && field.kind !== "forbidden");
}

export interface FieldEdit {
  readonly routeAs?: string | undefined;
  /** Member to add to the baggage that the request has. */
  readonly baggage?: string | undefined;
  readonly mark?: string | undefined;
  readonly lines?: LineEdit | undefined;
}

/** What goes out in place of the requests of one client connection. What repeats is the same object again. */
export class Edits {
  /** By `name:value`: a field that is the same object costs one byte. */
  readonly #added = new Map<string, Field>();
  #last: { readonly request: Request; readonly edit: FieldEdit; readonly fields: readonly Field[] } | undefined;

  /** Without hop marks and what a gateway drops, with what is added. */
  apply(request: Request, edit: FieldEdit): readonly Field[] {
    const { routeAs, baggage, mark, lines } = edit;
    const added = routeAs ?? baggage ?? mark ?? lines;
    if (!request.marked && added === undefined) return request.fields;
    const last = this.#last;
    if (
      last?.request === request &&
      last.edit.routeAs === routeAs &&
      last.edit.baggage === baggage &&
      last.edit.mark === mark &&
      last.edit.lines === lines
    )
      return last.fields;
    const fields = request.fields.filter((field) => field.kind !== "hop-mark" && lines?.drop.has(field.name) !== true);
    for (const line of lines?.add.split("\r\n") ?? []) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields.push(this.#field(line.slice(0, colon).toLowerCase(), line.slice(colon + 2)));
    }
    if (routeAs !== undefined) fields.push(this.#field(ROUTE_HEADER, routeAs));
    if (baggage !== undefined) fields.push(this.#field("baggage", baggage));
    if (mark !== undefined) fields.push(this.#field(HOP_HEADER, mark));
    this.#last = { request, edit, fields };
    return fields;
  }

  #field(name: string, value: string): Field {
    const key = `${name}:${value}`;
    const known = this.#added.get(key);
    if (known !== undefined) return known;
    const field = new Field(name, value);
    if (this.#added.size < ADDED_FIELDS_MAX) this.#added.set(key, field);
    return field;
  }
}

/** One connection has few targets and, at a gateway, few hosts. */
const ADDED_FIELDS_MAX = 64;
