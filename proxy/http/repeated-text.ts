/** One part of a head as text. Most messages say what the one before them said, and get the text that is there already. */
export class RepeatedText {
  #last = "";

  /** Of `bytes[start, end)`. */
  of(bytes: Buffer, start: number, end: number): string {
    if (end - start !== this.#last.length || !this.#standsAt(bytes, start))
      this.#last = bytes.toString("latin1", start, end);
    return this.#last;
  }

  #standsAt(bytes: Buffer, start: number): boolean {
    const last = this.#last;
    for (let i = 0; i < last.length; i += 1) if (bytes[start + i] !== last.charCodeAt(i)) return false;
    return true;
  }
}
