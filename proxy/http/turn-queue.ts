/** Who reads next of the connections that bring more than others: one with each round of the loop, in order. */
export class TurnQueue {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  /** Bounded by the connections: each waits for one turn at most. */
  add(turn: () => void): void {
    this.#waiting.push(turn);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#next();
  }

  #next(): void {
    setImmediate(() => {
      const turn = this.#waiting.shift();
      // Before the turn: whatever that does, the others get theirs.
      if (this.#waiting.length > 0) this.#next();
      else this.#isRunning = false;
      turn?.();
    });
  }
}
