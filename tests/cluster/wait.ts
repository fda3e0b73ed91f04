import { POLL_MS } from "./limits.ts";

export type Wait<T> = {
  /** Completes "Waited N s for …". */
  readonly what: string;
  readonly limitMs: number;
  /** Gives the awaited value, or undefined to be asked again. What it throws ends the wait. */
  readonly check: () => Promise<T | undefined>;
  /** More lines for the message when the limit is reached. */
  readonly explain?: () => Promise<string>;
};

/** Looks until the check gives a value. Throws when the limit is reached. */
export async function waitFor<T>(wait: Wait<T>): Promise<T> {
  const end = performance.now() + wait.limitMs;
  for (;;) {
    const value = await wait.check();
    if (value !== undefined) return value;
    if (performance.now() > end) break;
    await Bun.sleep(POLL_MS);
  }
  const more = wait.explain === undefined ? "" : `\n${await wait.explain()}`;
  throw new Error(`Waited ${Math.round(wait.limitMs / 1000)} s for ${wait.what}${more}`);
}
