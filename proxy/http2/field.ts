/** One header field. Judged once, when it is made: a field that a peer repeats by its index costs nothing more. */
import { HOP_HEADER, ROUTE_HEADER } from "../../core/contract.ts";
import { isTokenByte } from "../http/head.ts";

export type Indexing = "incremental" | "none" | "never";

/** What a proxy must know of a field. */
export type FieldKind =
  | "regular"
  | "method"
  | "scheme"
  | "authority"
  | "path"
  | "status"
  | "protocol"
  | "host"
  | "content-length"
  | "accept"
  | "route"
  | "hop-mark"
  | "baggage"
  | "traceparent"
  | "request-id"
  | "user-agent"
  | "grpc-status"
  /** Must not stand in any message: its name or value is malformed, or it belongs to HTTP/1.1's connections. */
  | "forbidden";

const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [":method", "method"],
  [":scheme", "scheme"],
  [":authority", "authority"],
  [":path", "path"],
  [":status", "status"],
  [":protocol", "protocol"],
  ["host", "host"],
  ["content-length", "content-length"],
  ["accept", "accept"],
  [ROUTE_HEADER, "route"],
  [HOP_HEADER, "hop-mark"],
  ["baggage", "baggage"],
  ["traceparent", "traceparent"],
  ["x-request-id", "request-id"],
  ["user-agent", "user-agent"],
  ["grpc-status", "grpc-status"],
  // RFC 9113 §8.2.2
  ["connection", "forbidden"],
  ["keep-alive", "forbidden"],
  ["proxy-connection", "forbidden"],
  ["transfer-encoding", "forbidden"],
  ["upgrade", "forbidden"],
]);

/** Overhead of an entry in sizes of tables and lists (RFC 7541 §4.1). */
const ENTRY_BYTES = 32;

export class Field {
  readonly name: string;
  readonly value: string;
  readonly kind: FieldKind;
  /** How its sender wants it treated; a `never` is never put into a table (RFC 7541 §7.1.3). */
  readonly indexing: Indexing;
  readonly size: number;
  readonly pseudo: boolean;

  constructor(name: string, value: string, indexing: Indexing = "incremental") {
    this.name = name;
    this.value = value;
    this.indexing = indexing;
    this.size = name.length + value.length + ENTRY_BYTES;
    this.pseudo = name.charCodeAt(0) === COLON;
    this.kind = kindOf(name, value);
  }
}

const COLON = 58;

function kindOf(name: string, value: string): FieldKind {
  if (!isValue(value)) return "forbidden";
  const known = KINDS.get(name);
  if (known !== undefined) return known;
  if (name === "te" && value.toLowerCase() !== "trailers") return "forbidden";
  return isName(name) ? "regular" : "forbidden";
}

/** A token without upper case (RFC 9113 §8.2.1). */
function isName(name: string): boolean {
  for (let i = 0; i < name.length; i += 1) {
    const byte = name.charCodeAt(i);
    if (!isTokenByte(byte) || (byte >= 65 && byte <= 90)) return false;
  }
  return name.length > 0;
}

/** No NUL, CR or LF, and no blank at either end (RFC 9113 §8.2.1). */
function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i += 1) {
    const byte = value.charCodeAt(i);
    if (byte === 0 || byte === 10 || byte === 13) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9;
}
