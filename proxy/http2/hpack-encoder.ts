/**
 * Writes header blocks (RFC 7541). Fields are known by identity: what the other side's decoder found in its table is one
 * object, so that here, too, it becomes one index. Text is not compressed: it saves little on the networks of a cluster.
 */
import { HTTP2_TABLE_BYTES_MAX } from "../../core/limits.ts";
import { DynamicTable } from "./dynamic-table.ts";
import type { Field } from "./field.ts";
import { STATIC_FIELDS, STATIC_INDEXES, STATIC_NAMES } from "./static-table.ts";

/** Of integers and representations around one field's text, at most. */
const FIELD_OVERHEAD_BYTES = 16;
/** A larger field would push out too many others. */
const INDEXED_BYTES_MAX = HTTP2_TABLE_BYTES_MAX / 4;

/** A list that was written with no change of the table, so that the same bytes mean it as long as nothing changes. */
interface Memo {
  readonly fields: readonly Field[];
  readonly bytes: Buffer;
  readonly changes: number;
}

/** A power of two. */
const MEMOS_MAX = 4;

export class HpackEncoder {
  /** When each field in the table was added, counted from 0. */
  readonly #added = new Map<Field, number>();
  readonly #table = new DynamicTable(HTTP2_TABLE_BYTES_MAX, (field) => this.#added.delete(field));
  #additions = 0;
  /** Of the table, counted. */
  #changes = 0;
  /** By the low bits of their length. */
  readonly #memos: (Memo | undefined)[] = [];
  /** Sizes to announce with the next block: the smallest since the last one, then the current (RFC 7541 §4.2). */
  #announce: number[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  limitTable(peerMax: number): void {
    const size = Math.min(peerMax, HTTP2_TABLE_BYTES_MAX);
    if (size === this.#table.sizeMax) return;
    this.#announce = [Math.min(size, ...this.#announce), size];
    this.#table.resize(size);
    this.#changes += 1;
  }

  /** Bytes that `encode` may need. */
  static bytesMax(fields: readonly Field[]): number {
    let bytes = FIELD_OVERHEAD_BYTES;
    for (const field of fields) bytes += field.size;
    return bytes;
  }

  /** Writes the block at `at` into `bytes`, which has room for `bytesMax`; answers the offset behind it. */
  encode(fields: readonly Field[], bytes: Buffer, at: number): number {
    const place = fields.length & (MEMOS_MAX - 1);
    const memo = this.#memos[place];
    if (memo?.fields === fields && memo.changes === this.#changes && this.#announce.length === 0)
      return at + memo.bytes.copy(bytes, at);
    const changes = this.#changes;
    this.#write(fields, bytes, at);
    if (changes === this.#changes)
      this.#memos[place] = { fields, bytes: Buffer.from(bytes.subarray(at, this.#at)), changes };
    return this.#at;
  }

  #write(fields: readonly Field[], bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
    for (const size of this.#announce) this.#writeInteger(0x20, 0x1f, size);
    if (this.#announce.length > 0) {
      this.#announce = [];
      this.#changes += 1;
    }
    for (const field of fields) this.#writeField(field);
  }

  #writeField(field: Field): void {
    const added = this.#added.get(field);
    if (added !== undefined) {
      this.#writeInteger(0x80, 0x7f, STATIC_FIELDS.length + this.#additions - added);
      return;
    }
    const known = STATIC_INDEXES.get(field);
    if (known !== undefined) this.#writeInteger(0x80, 0x7f, known);
    else this.#writeLiteral(field);
  }

  #writeLiteral(field: Field): void {
    const name = STATIC_NAMES.get(field.name) ?? 0;
    const indexed = field.indexing === "incremental" && field.size <= INDEXED_BYTES_MAX;
    if (indexed) this.#writeInteger(0x40, 0x3f, name);
    else this.#writeInteger(field.indexing === "never" ? 0x10 : 0, 0x0f, name);
    if (name === 0) this.#writeText(field.name);
    this.#writeText(field.value);
    if (!indexed) return;
    this.#changes += 1;
    if (!this.#table.add(field)) return;
    this.#added.set(field, this.#additions);
    this.#additions += 1;
  }

  #writeInteger(pattern: number, prefix: number, value: number): void {
    if (value < prefix) {
      this.#bytes[this.#at] = pattern | value;
      this.#at += 1;
      return;
    }
    this.#bytes[this.#at] = pattern | prefix;
    this.#at += 1;
    let rest = value - prefix;
    while (rest >= 128) {
      this.#bytes[this.#at] = (rest & 127) | 128;
      this.#at += 1;
      rest >>>= 7;
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  #writeText(text: string): void {
    this.#writeInteger(0, 0x7f, text.length);
    this.#bytes.write(text, this.#at, "latin1");
    this.#at += text.length;
  }
}
