/** How a thrown value ends the command: what is said and with which exit code. */
import { AzdsError, type ErrorExitCode, exitCodeOf } from "../../core/errors.ts";
import type { Event } from "../engine/events.ts";

const EXIT_BUG = 70;
const EXIT_INTERRUPTED = 130;

export type Failure =
  /** The user can act. */
  | { readonly kind: "expected"; readonly exitCode: ErrorExitCode; readonly event: Event }
  /** The user stopped it. */
  | { readonly kind: "interrupted"; readonly exitCode: typeof EXIT_INTERRUPTED }
  /** A mistake in azds. `detail` is for the log. */
  | { readonly kind: "bug"; readonly exitCode: typeof EXIT_BUG; readonly message: string; readonly detail: string };

export function failureOf(error: unknown, isStopped: boolean): Failure {
  if (isStopped) return { kind: "interrupted", exitCode: EXIT_INTERRUPTED };
  if (error instanceof AzdsError) {
    const { code, message, hint } = error;
    return { kind: "expected", exitCode: exitCodeOf(code), event: { type: "failed", code, message, hint } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "bug", exitCode: EXIT_BUG, message, detail: detailOf(error) };
}

/** Stack with the stacks of its causes. */
function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${detailOf(error.cause)}`;
}
