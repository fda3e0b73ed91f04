/** Hands the wish of a sidecar for its pod's redirect to `__rules` beside us, with the pod that its token names. */
import { connect } from "node:net";
import { AzdsError } from "../core/errors.ts";
import { RULES_ANSWER_MS_MAX, SHORT_ANSWER_BYTES_MAX } from "../core/limits.ts";
import { parseRulesAnswer, type RedirectPorts, type RulesOrder } from "../core/redirect-protocol.ts";
import { readLine } from "../core/wire/lines.ts";
import { streamOfSocket } from "../core/wire/socket-stream.ts";
import type { Identity } from "./identity.ts";

/**
 * Resolves when the pod of `identity` has its redirect.
 * @throws AzdsError FORBIDDEN for a token that is bound to no pod, BUILDER_UNAVAILABLE when the rules were not written
 */
export type Redirect = (identity: Identity, ports: RedirectPorts) => Promise<void>;

/** @param socket of `__rules` */
export function redirectThrough(socket: string): Redirect {
  return async ({ pod }, ports) => {
    if (pod === undefined) throw new AzdsError("FORBIDDEN", "The redirect needs a token that is bound to a pod");
    const answer = await ask(socket, { pod: pod.uid, ...ports });
    if (!answer.ok) throw new AzdsError("BUILDER_UNAVAILABLE", answer.message);
  };
}

async function ask(path: string, order: RulesOrder): Promise<ReturnType<typeof parseRulesAnswer>> {
  const carrier = streamOfSocket(connect(path));
  const late = setTimeout(() => carrier.abort(new Error("it does not answer")), RULES_ANSWER_MS_MAX);
  try {
    await carrier.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    return parseRulesAnswer((await readLine(carrier, SHORT_ANSWER_BYTES_MAX)).line);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AzdsError("BUILDER_UNAVAILABLE", `The container \`rules\` of this node cannot be asked: ${why}`, {
      cause,
    });
  } finally {
    clearTimeout(late);
    carrier.abort();
  }
}
