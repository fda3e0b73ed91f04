/** Hands what a sidecar asks of its node to `__rules` beside us, with the pod that its token names. */
import { connect } from "node:net";
import { AzdsError } from "../core/errors.ts";
import { RULES_ANSWER_MS_MAX, SHORT_ANSWER_BYTES_MAX } from "../core/limits.ts";
import {
  parseRulesAnswer,
  type RulesAnswer,
  type RulesOrder,
  type RulesReply,
  type RulesRequest,
} from "../core/redirect-protocol.ts";
import { readLine } from "../core/wire/lines.ts";
import { streamOfSocket } from "../core/wire/socket-stream.ts";
import type { Identity } from "./identity.ts";

/**
 * Resolves with the answer for the pod of `identity`.
 * @throws AzdsError FORBIDDEN for a token that is bound to no pod, BUILDER_UNAVAILABLE when the node cannot do it
 */
export type AskRules = (identity: Identity, request: RulesRequest) => Promise<RulesReply>;

/** @param socket of `__rules` */
export function rulesAt(socket: string): AskRules {
  return async ({ pod }, request) => {
    if (pod === undefined) throw new AzdsError("FORBIDDEN", "A sidecar needs a token that is bound to its pod");
    const answer = await ask(socket, { pod: pod.uid, request });
    if (!answer.ok) throw new AzdsError("BUILDER_UNAVAILABLE", answer.message);
    return answer;
  };
}

async function ask(path: string, order: RulesOrder): Promise<RulesAnswer> {
  const carrier = streamOfSocket(connect(path));
  const msMax = RULES_ANSWER_MS_MAX + (order.request.kind === "running" ? order.request.waitMs : 0);
  const late = setTimeout(() => carrier.abort(new Error("it does not answer")), msMax);
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
