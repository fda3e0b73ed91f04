/** HPACK's table of common fields (RFC 7541 appendix A): its order is its numbering, from 1. */
import { Field } from "./field.ts";

/** Names with their values, in order. */
const ENTRIES: readonly (readonly [string, readonly string[]])[] = [
  [":authority", [""]],
  [":method", ["GET", "POST"]],
  [":path", ["/", "/index.html"]],
  [":scheme", ["http", "https"]],
  [":status", ["200", "204", "206", "304", "400", "404", "500"]],
  ["accept-charset", [""]],
  ["accept-encoding", ["gzip, deflate"]],
  ["accept-language", [""]],
  ["accept-ranges", [""]],
  ["accept", [""]],
  ["access-control-allow-origin", [""]],
  ["age", [""]],
  ["allow", [""]],
  ["authorization", [""]],
  ["cache-control", [""]],
  ["content-disposition", [""]],
  ["content-encoding", [""]],
  ["content-language", [""]],
  ["content-length", [""]],
  ["content-location", [""]],
  ["content-range", [""]],
  ["content-type", [""]],
  ["cookie", [""]],
  ["date", [""]],
  ["etag", [""]],
  ["expect", [""]],
  ["expires", [""]],
  ["from", [""]],
  ["host", [""]],
  ["if-match", [""]],
  ["if-modified-since", [""]],
  ["if-none-match", [""]],
  ["if-range", [""]],
  ["if-unmodified-since", [""]],
  ["last-modified", [""]],
  ["link", [""]],
  ["location", [""]],
  ["max-forwards", [""]],
  ["proxy-authenticate", [""]],
  ["proxy-authorization", [""]],
  ["range", [""]],
  ["referer", [""]],
  ["refresh", [""]],
  ["retry-after", [""]],
  ["server", [""]],
  ["set-cookie", [""]],
  ["strict-transport-security", [""]],
  ["transfer-encoding", [""]],
  ["user-agent", [""]],
  ["vary", [""]],
  ["via", [""]],
  ["www-authenticate", [""]],
];

export const STATIC_FIELDS: readonly Field[] = ENTRIES.flatMap(([name, values]) =>
  values.map((value) => new Field(name, value)),
);

/** The first index of each name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map((field, index) => [field.name, index + 1] as const).toReversed(),
);

/** The index of a field with exactly this name and value, by identity of the field. */
export const STATIC_INDEXES: ReadonlyMap<Field, number> = new Map(
  STATIC_FIELDS.map((field, index) => [field, index + 1] as const),
);
