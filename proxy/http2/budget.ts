/** What a peer may do without use to anybody: so much in a burst, so much a second, and more where it does useful work. */

export interface BudgetLimits {
  readonly burst: number;
  readonly perSecond: number;
}

export class Budget {
  readonly #limits: BudgetLimits;
  readonly #now: () => number;
  #left: number;
  /** When time was last counted, in milliseconds. */
  #counted: number;

  constructor(limits: BudgetLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#left = limits.burst;
    this.#counted = now();
  }

  /** False when it is used up. */
  spend(): boolean {
    if (this.#left < 1) this.#countTime();
    this.#left -= 1;
    return this.#left >= 0;
  }

  earn(amount: number): void {
    this.#left = Math.min(this.#limits.burst, this.#left + amount);
  }

  /** The clock is read only when the rest is gone. */
  #countTime(): void {
    const now = this.#now();
    this.earn(((now - this.#counted) / 1000) * this.#limits.perSecond);
    this.#counted = now;
  }
}
