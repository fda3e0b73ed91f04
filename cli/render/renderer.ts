import type { Ask, Emit } from "../engine/events.ts";

export interface Renderer {
  readonly emit: Emit;
  readonly ask: Ask;
  /** Restores the terminal and writes what is left. Called exactly once, also after a failure. */
  readonly close: () => Promise<void>;
}
