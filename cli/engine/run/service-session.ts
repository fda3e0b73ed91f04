/** Holds the session of a service while something is done with it: taken first, kept alive, left at the end. */
import type { Session } from "../../../core/session.ts";
import type { Context } from "../../context.ts";
import { type Prepared, takeSession } from "./prepare.ts";
import { keepSession, releaseSession } from "../session-store.ts";

/**
 * A session that somebody else takes over ends `work` as Ctrl+C does, but with its reason.
 * @throws AzdsError SESSION_HELD, and what `work` throws
 */
export async function withSession(
  held: { readonly prepared: Prepared; readonly takeOver: boolean },
  context: Context,
  work: (session: Session, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { prepared, takeOver } = held;
  const { kube } = prepared.cluster;
  const session = await takeSession(prepared, context, takeOver);
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const kept = keepSession(kube, session, { clock: context.host.clock, signal });
  try {
    await Promise.race([kept.then(async () => new Promise<never>(() => undefined)), work(session, signal)]);
  } finally {
    ended.abort(new Error("The command has ended"));
    // Whoever comes next must not wait for the heartbeat to grow old.
    await releaseSession(kube, session).catch(() => undefined);
  }
}
