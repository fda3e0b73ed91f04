/**
 * Counts the bytes of an exchange for its observer, and sees to it that its end is told once. One for all exchanges of a
 * connection, which come one after the other.
 */
import type { ExchangeObserver } from "./exchange-observer.ts";
import type { Target } from "./upstreams.ts";

export class ObservedExchange {
  /** Of the exchange that was begun last, until its end is told. */
  #observer: ExchangeObserver | undefined;
  #request = 0;
  #response = 0;

  begin(observer: ExchangeObserver | undefined): void {
    this.#observer = observer;
    this.#request = 0;
    this.#response = 0;
  }

  /** The request is sent from its beginning. */
  connected(target: Target): void {
    this.#request = 0;
    this.#observer?.connected(target);
  }

  responded(status: number): void {
    this.#observer?.responded(status);
  }

  rpcEnded(grpcStatus: number): void {
    this.#observer?.rpcEnded(grpcStatus);
  }

  /** `bytes[start, end)` go out. */
  request(bytes: Buffer, start: number, end: number): void {
    this.#request += end - start;
    this.#observer?.capture?.request(bytes.subarray(start, end));
  }

  response(bytes: Buffer): void {
    this.#response += bytes.length;
    this.#observer?.capture?.response(bytes);
  }

  ended(complete: boolean): void {
    const observer = this.#observer;
    this.#observer = undefined;
    observer?.ended({ request: this.#request, response: this.#response }, complete);
  }
}
