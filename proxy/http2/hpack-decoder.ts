/** Reads header blocks (RFC 7541). One per direction of a connection: each block changes the table of the next. */
import { HEAD_BYTES_MAX, HTTP2_TABLE_BYTES_MAX } from "../../core/limits.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { Field, type Indexing } from "./field.ts";
import { decodedBytesMax, decodeHuffman } from "./huffman.ts";
import { STATIC_FIELDS } from "./static-table.ts";

/** A decoded block. */
export interface Block {
  readonly fields: readonly Field[];
  /** The list was larger than HEAD_BYTES_MAX; `fields` holds its beginning. */
  readonly tooLarge: boolean;
}

/** A block whose bytes mean the same again: always, or as long as the table stays as it is. */
interface Memo {
  readonly bytes: Buffer;
  readonly block: Block;
  /** Nothing in it refers to the table, though it may add to it. */
  readonly independent: boolean;
  readonly added: readonly Field[];
  readonly changes: number;
}

/** Peers repeat themselves: requests of one kind differ in nothing, responses in their time alone. A power of two. */
const MEMOS_MAX = 4;
const MEMO_BYTES_MAX = 512;

/** The value that a field of the static table's names had last, as it was written. */
interface Literal {
  readonly written: Buffer;
  readonly field: Field;
}

const LITERAL_BYTES_MAX = 128;

/** Nothing in HPACK counts further. */
const INTEGER_MAX = 0x0fff_ffff;
/** Written and read again within one call. */
const TEXT = Buffer.allocUnsafeSlow(decodedBytesMax(HEAD_BYTES_MAX));

export class HpackDecoder {
  readonly #table = new DynamicTable(HTTP2_TABLE_BYTES_MAX);
  #bytes: Buffer = TEXT;
  #at = 0;
  #end = 0;
  #broken = false;
  /** The block that is read has so far not referred to the table, and has added these fields. */
  #independent = true;
  #added: Field[] = [];
  /** Of the table, counted. */
  #changes = 0;
  /** By the low bits of their length. */
  readonly #memos: (Memo | undefined)[] = [];
  /** By the index of the name. Servers that do not compress send the same again with each response. */
  readonly #literals: (Literal | undefined)[] = [];

  /** The whole block, the same object as long as it is repeated; `undefined` is a COMPRESSION_ERROR, after which nothing more can be read. */
  decode(bytes: Buffer, from = 0, end = bytes.length): Block | undefined {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
    const length = end - from;
    const place = length & (MEMOS_MAX - 1);
    const memo = this.#memos[place];
    if (
      memo !== undefined &&
      memo.bytes.length === length &&
      (memo.independent || memo.changes === this.#changes) &&
      this.#stands(memo.bytes)
    ) {
      for (const field of memo.added) this.#add(field);
      this.#bytes = TEXT;
      return memo.block;
    }
    const changes = this.#changes;
    this.#independent = true;
    this.#added = [];
    const block = this.#decode();
    const [independent, added] = [this.#independent, this.#added];
    if (block !== undefined && (independent || changes === this.#changes) && length <= MEMO_BYTES_MAX)
      this.#memos[place] = { bytes: Buffer.from(bytes.subarray(from, end)), block, independent, added, changes };
    return block;
  }

  #add(field: Field): void {
    this.#table.add(field);
    this.#changes += 1;
  }

  #decode(): Block | undefined {
    this.#broken = false;
    const fields: Field[] = [];
    let size = 0;
    this.#readSizeUpdates();
    while (this.#at < this.#end && !this.#broken) {
      const field = this.#readField();
      if (field === undefined) return undefined;
      size += field.size;
      // Read to its end although nobody wants it any more: the next block builds on this one's table.
      if (size <= HEAD_BYTES_MAX) fields.push(field);
    }
    this.#bytes = TEXT;
    return this.#broken ? undefined : { fields, tooLarge: size > HEAD_BYTES_MAX };
  }

  /** Only at a block's beginning (RFC 7541 §4.2). */
  #readSizeUpdates(): void {
    while (this.#at < this.#end && ((this.#bytes[this.#at] ?? 0) & 0xe0) === 0x20) {
      const size = this.#readInteger(0x1f);
      if (size < 0 || size > HTTP2_TABLE_BYTES_MAX) this.#broken = true;
      else this.#table.resize(size);
      this.#changes += 1;
      this.#independent = false;
    }
  }

  #readField(): Field | undefined {
    const first = this.#bytes[this.#at] ?? 0;
    if (first >= 0x80) return this.#entry(this.#readInteger(0x7f));
    if (first >= 0x40) {
      const field = this.#readLiteral(0x3f, "incremental");
      if (field === undefined) return undefined;
      this.#add(field);
      this.#added.push(field);
      return field;
    }
    if (first >= 0x20) return undefined;
    return this.#readLiteral(0x0f, first >= 0x10 ? "never" : "none");
  }

  #readLiteral(prefix: number, indexing: Indexing): Field | undefined {
    const index = this.#readInteger(prefix);
    const last = index > 0 && index <= STATIC_FIELDS.length ? this.#literals[index] : undefined;
    if (last?.field.indexing === indexing && this.#stands(last.written)) {
      this.#at += last.written.length;
      return last.field;
    }
    const name = index === 0 ? this.#readText() : this.#entry(index)?.name;
    const from = this.#at;
    const value = name === undefined ? undefined : this.#readText();
    if (name === undefined || value === undefined) return undefined;
    const field = new Field(name, value, indexing);
    if (index > 0 && index <= STATIC_FIELDS.length && this.#at - from <= LITERAL_BYTES_MAX)
      this.#literals[index] = { written: Buffer.from(this.#bytes.subarray(from, this.#at)), field };
    return field;
  }

  /** Whether exactly these bytes come next. */
  #stands(written: Buffer): boolean {
    if (this.#at + written.length > this.#end) return false;
    for (let i = 0; i < written.length; i += 1) if (this.#bytes[this.#at + i] !== written[i]) return false;
    return true;
  }

  #entry(index: number): Field | undefined {
    if (index <= 0) return undefined;
    if (index <= STATIC_FIELDS.length) return STATIC_FIELDS[index - 1];
    this.#independent = false;
    return this.#table.at(index - STATIC_FIELDS.length - 1);
  }

  /** RFC 7541 §5.1; -1 when it does not end or is beyond all use. */
  #readInteger(prefix: number): number {
    const first = (this.#bytes[this.#at] ?? 0) & prefix;
    this.#at += 1;
    if (first < prefix) return first;
    let value = prefix;
    for (let shift = 0; shift <= 28 && this.#at < this.#end; shift += 7) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value <= INTEGER_MAX ? value : -1;
    }
    return -1;
  }

  #readText(): string | undefined {
    if (this.#at >= this.#end) return undefined;
    const coded = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#readInteger(0x7f);
    const from = this.#at;
    const end = from + length;
    if (length < 0 || end > this.#end) return undefined;
    this.#at = end;
    if (!coded) return this.#bytes.toString("latin1", from, end);
    const decoded = decodeHuffman(this.#bytes, [from, end], TEXT);
    return decoded < 0 ? undefined : TEXT.toString("latin1", 0, decoded);
  }
}
