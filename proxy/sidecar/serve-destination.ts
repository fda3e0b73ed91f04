/** A redirected connection whose destination is known: looked at, and routed or relayed. The same in both directions. */
import { expectedProtocol } from "../../core/expected-protocol.ts";
import type { Endpoint } from "../tcp/dial.ts";
import { type ExchangePolicy, type Forward, serveHttp } from "../http/exchange.ts";
import { look, relayTo } from "../http/first-look.ts";
import { serveHttp2 } from "../http2/client-connection.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { Wire } from "../tcp/wire.ts";
import { mustWait, type Pod } from "./pod.ts";

/** @param queueMs that the request has waited */
export type Decide = (head: RequestHead, queueMs: number) => Forward;

export interface Redirected {
  readonly client: Wire;
  /** Where the client meant to go. */
  readonly original: Endpoint;
  readonly decide: Decide;
}

export function serveDestination(pod: Pod, redirected: Redirected): void {
  const { client, original } = redirected;
  const { known, protocol } = expectedProtocol(pod.routes.table, original, pod.config.opaquePorts);
  const relayed = (): void => {
    pod.counters.relayed += 1;
  };
  if (protocol === "opaque") {
    relayed();
    relayTo(client, original);
    return;
  }
  const policy = policyOf(pod, redirected.decide);
  look({
    client,
    original,
    declared: protocol === "http",
    patient: known,
    http: (input, spare) => serveHttp({ client, input, spare, policy }),
    http2: (input, spare, greeting) => serveHttp2({ client, input, spare, greeting, policy }),
    relayed,
  });
}

/** What cannot be reached is a reset, as without us. */
function policyOf(pod: Pod, decide: Decide): ExchangePolicy {
  return {
    decide: (head) => {
      pod.counters.requests += 1;
      return mustWait(pod, head) ? decideLater(pod, head, decide) : decide(head, 0);
    },
    unreachable: () => undefined,
  };
}

async function decideLater(pod: Pod, head: RequestHead, decide: Decide): Promise<Forward> {
  const since = performance.now();
  await pod.routes.first();
  return decide(head, performance.now() - since);
}
