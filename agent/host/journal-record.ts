/**
 * Records of the journal: u8 kind, u64 length, payload. Big-endian. A `content` is 32 bytes of SHA-256 and the bytes; a
 * `commit` is u32 CRC and JSON, and makes the contents before it count.
 */
import { crc32 } from "node:zlib";
import { AzdsError } from "../../core/errors.ts";
import { asArray, asNumber, asString, member } from "../../core/parse.ts";
import { type TreeEntry, parseEntry } from "../../core/sync/manifest.ts";
import type { StoredContent, TrackedPath } from "./tracked-tree.ts";

export const RECORD = { content: 1, commit: 2 } as const;
export const RECORD_HEADER_BYTES = 9;
export const HASH_BYTES = 32;
const CRC_BYTES = 4;

export interface CommitRecord {
  /** Deepest first. */
  readonly removed: readonly string[];
  /** Folders first. */
  readonly written: readonly TrackedPath[];
}

export function recordHeader(kind: number, length: number): Uint8Array {
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint8(0, kind);
  view.setBigUint64(1, BigInt(length));
  return header;
}

export function parseRecordHeader(header: Uint8Array): { readonly kind: number; readonly length: number } {
  const view = new DataView(header.buffer, header.byteOffset);
  return { kind: view.getUint8(0), length: Number(view.getBigUint64(1)) };
}

export function encodeCommit(record: CommitRecord): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify({ r: record.removed, w: record.written.map(toRow) }));
  const payload = new Uint8Array(CRC_BYTES + json.length);
  new DataView(payload.buffer).setUint32(0, crc32(json));
  payload.set(json, CRC_BYTES);
  return payload;
}

/** `undefined` when it is damaged. */
export function decodeCommit(payload: Uint8Array): CommitRecord | undefined {
  const json = payload.subarray(CRC_BYTES);
  if (payload.length < CRC_BYTES || new DataView(payload.buffer, payload.byteOffset).getUint32(0) !== crc32(json))
    return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    const removed = asArray(member(value, "r")).flatMap((path) => asString(path) ?? []);
    return { removed, written: asArray(member(value, "w")).map(fromRow) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof AzdsError) return undefined;
    throw error;
  }
}

const KINDS = ["file", "symlink", "directory"] as const;

/** An array, because a full tree has tens of thousands of them: path, kind, mode, size, hash or target, given mode, offset. */
function toRow({ entry, mode, content }: TrackedPath): readonly unknown[] {
  const row = [entry.path, KINDS.indexOf(entry.kind), entry.mode, entry.size, entry.sha256 ?? entry.target ?? ""];
  return content === undefined && mode === undefined ? row : [...row, mode ?? null, content?.offset ?? null];
}

/** @throws AzdsError PROTOCOL for a row that no journal of ours holds */
function fromRow(value: unknown): TrackedPath {
  const [path, kind, mode, size, told, given, offset] = asArray(value);
  const entry: TreeEntry = parseEntry({
    path,
    kind: KINDS[asNumber(kind) ?? -1],
    mode,
    size,
    sha256: told,
    target: told,
  });
  const content: StoredContent | undefined = typeof offset === "number" ? { offset, size: entry.size } : undefined;
  return {
    entry,
    ...(typeof given === "number" ? { mode: given } : {}),
    ...(content === undefined ? {} : { content }),
  };
}
