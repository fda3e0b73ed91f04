/** What a key means. */
import type { LiveState } from "./state.ts";

/** The part of Ink's `Key` that is looked at. */
export interface KeyPress {
  readonly input: string;
  readonly ctrl: boolean;
  readonly return: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
}

export type Intent =
  | { readonly kind: "stop" }
  | { readonly kind: "verbose" }
  /** The answer typed so far, and the whole one at its end. */
  | { readonly kind: "typed"; readonly text: string }
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "none" };

export function intentOf(key: KeyPress, state: LiveState): Intent {
  if (key.ctrl) return key.input === "c" ? { kind: "stop" } : { kind: "none" };
  if (state.question === undefined) {
    if (key.input === "q") return { kind: "stop" };
    return key.input === "v" ? { kind: "verbose" } : { kind: "none" };
  }
  const { typed } = state.question;
  if (key.return) return { kind: "answer", text: typed };
  if (key.backspace || key.delete) return { kind: "typed", text: typed.slice(0, -1) };
  // Keys that come quickly, or are pasted, come as one.
  const [text = "", ...rest] = (typed + key.input).split(/[\r\n]/);
  return { kind: rest.length === 0 ? "typed" : "answer", text };
}
