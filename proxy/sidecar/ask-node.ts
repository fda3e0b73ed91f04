/** What the sidecar asks of its node, through the builder there. */
import { REDIRECT_ASK_MS_MAX } from "../../core/limits.ts";
import {
  parseRulesAnswer,
  RULES_PROTOCOL,
  type RulesHello,
  type RulesReply,
  type RulesRequest,
} from "../../core/redirect-protocol.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";
import { askOnce } from "./exchange-once.ts";

/** @throws Error with what the node says, or why it says nothing */
export async function askNode(
  { builder: server, ca }: Pick<SidecarConfig, "builder" | "ca">,
  token: string,
  request: RulesRequest,
): Promise<RulesReply> {
  const hello: RulesHello = { protocol: RULES_PROTOCOL, token, ...request };
  const msMax = REDIRECT_ASK_MS_MAX + (request.kind === "running" ? request.waitMs : 0);
  const line = await askOnce({ server, ca, text: `${JSON.stringify(hello)}\n`, msMax }).catch((error: unknown) => {
    throw new Error(
      `the builder of this node cannot be asked: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const answer = parseRulesAnswer(line);
  if (!answer.ok) throw new Error(answer.message);
  return answer;
}
