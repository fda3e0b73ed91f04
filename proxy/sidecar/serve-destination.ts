/** A redirected connection whose destination is known: looked at, and routed or relayed. The same in both directions. */
import { isOpaquePort } from "../../core/well-known-ports.ts";
import type { Endpoint } from "../http/dial.ts";
import { type ExchangePolicy, type Forward, serveHttp } from "../http/exchange.ts";
import { look, relayTo } from "../http/first-look.ts";
import { serveHttp2 } from "../http2/client-connection.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { Wire } from "../http/wire.ts";
import { mustWait, type Pod } from "./pod.ts";

export interface Redirected {
  readonly client: Wire;
  /** Where the client meant to go. */
  readonly original: Endpoint;
  /** Ports that are relayed without a look, beside those the route table declares. */
  readonly opaquePorts: readonly number[];
  readonly decide: (head: RequestHead) => Forward;
}

export function serveDestination(pod: Pod, redirected: Redirected): void {
  const { client, original } = redirected;
  const meanings = pod.routes.table.at(original.address, original.port);
  const hints = new Set(meanings.map((meaning) => meaning.port.hint));
  const hint = hints.size === 1 ? meanings[0]?.port.hint : undefined;
  const relayed = (): void => {
    pod.counters.relayed += 1;
  };
  const opaque = hint === "opaque" || (hint === undefined && isOpaquePort(original.port));
  if (opaque || redirected.opaquePorts.includes(original.port)) {
    relayed();
    relayTo(client, original);
    return;
  }
  const policy = policyOf(pod, redirected.decide);
  look({
    client,
    original,
    declared: hint === "http" || hint === "http2",
    patient: meanings.length > 0,
    http: (input, spare) => serveHttp({ client, input, spare, policy }),
    http2: (input, spare) => serveHttp2({ client, input, spare, policy }),
    relayed,
  });
}

/** What cannot be reached is a reset, as without us. */
function policyOf(pod: Pod, decide: (head: RequestHead) => Forward): ExchangePolicy {
  return {
    decide: (head) => {
      pod.counters.requests += 1;
      return mustWait(pod, head) ? decideLater(pod, () => decide(head)) : decide(head);
    },
    unreachable: () => undefined,
  };
}

async function decideLater(pod: Pod, decide: () => Forward): Promise<Forward> {
  await pod.routes.first();
  return decide();
}
