/** What a peer may still send, on a stream or on a connection, and the credit that it has earned (RFC 9113 §5.2). */

export class ReceiveWindow {
  #left: number;
  #earned = 0;
  /** Larger credit is given at once, smaller is gathered. */
  readonly #creditMin: number;

  constructor(bytes: number) {
    this.#left = bytes;
    this.#creditMin = bytes / 4;
  }

  /** The peer has sent so much. False when that is more than it might. */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** So much of it needs no room any more. */
  earn(bytes: number): void {
    this.#earned += bytes;
  }

  /** What the peer is to be given now, in a WINDOW_UPDATE; 0: nothing yet. */
  credit(): number {
    const earned = this.#earned;
    if (earned < this.#creditMin) return 0;
    this.#left += earned;
    this.#earned = 0;
    return earned;
  }
}
