/** HPACK's dynamic table (RFC 7541 §2.3.2): first in, first out, bounded by size. */
import type { Field } from "./field.ts";

/** Places that evicted entries may take up before the list is made anew. */
const EVICTED_MAX = 64;

export class DynamicTable {
  /** Newest last; those before `#first` have been evicted. */
  #entries: Field[] = [];
  #first = 0;
  #size = 0;
  #sizeMax: number;
  readonly #evicted: ((field: Field) => void) | undefined;

  constructor(sizeMax: number, evicted?: (field: Field) => void) {
    this.#sizeMax = sizeMax;
    this.#evicted = evicted;
  }

  get sizeMax(): number {
    return this.#sizeMax;
  }

  /** @param index from 0, the newest */
  at(index: number): Field | undefined {
    const place = this.#entries.length - 1 - index;
    return place >= this.#first ? this.#entries[place] : undefined;
  }

  /** A field larger than the table only empties it (RFC 7541 §4.4). False when it has no place. */
  add(field: Field): boolean {
    this.#makeRoom(this.#sizeMax - field.size);
    if (field.size > this.#sizeMax) return false;
    this.#entries.push(field);
    this.#size += field.size;
    return true;
  }

  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax;
    this.#makeRoom(sizeMax);
  }

  #makeRoom(size: number): void {
    while (this.#size > size && this.#first < this.#entries.length) {
      const field = this.#entries[this.#first];
      this.#first += 1;
      if (field === undefined) continue;
      this.#size -= field.size;
      this.#evicted?.(field);
    }
    if (this.#first < EVICTED_MAX) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
