/** Wakes one waiter; rings while nobody waits are remembered as one. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at the next ring, after `ms` milliseconds, or when the signal is aborted. One waiter at a time. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener("abort", this.#wake, { once: true });
      });
      if (this.#wake !== undefined) signal.removeEventListener("abort", this.#wake);
    }
    this.#wake = undefined;
    this.#rung = false;
  }
}
