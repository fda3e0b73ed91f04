/** A redirected connection whose destination is known: looked at, and routed or relayed. The same in both directions. */
import { expectedProtocol } from "../../core/expected-protocol.ts";
import type { Dial, Endpoint } from "../tcp/dial.ts";
import { type ExchangePolicy, type Forward, serveHttp } from "../http/exchange.ts";
import { look, type LookOptions, relayTo } from "../http/first-look.ts";
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
  if (protocol === "opaque") {
    pod.counters.relayed += 1;
    relayTo(client, original);
  } else look(new Looked(pod, redirected, { declared: protocol === "http", patient: known }));
}

/** One object, and no functions of its own: it is made for each connection. */
class Looked implements LookOptions, ExchangePolicy {
  readonly client: Wire;
  readonly original: Endpoint;
  readonly declared: boolean;
  readonly patient: boolean;
  readonly #pod: Pod;
  readonly #decide: Decide;

  constructor(pod: Pod, { client, original, decide }: Redirected, expected: Pick<LookOptions, "declared" | "patient">) {
    this.client = client;
    this.original = original;
    this.declared = expected.declared;
    this.patient = expected.patient;
    this.#pod = pod;
    this.#decide = decide;
  }

  relayed(): void {
    this.#pod.counters.relayed += 1;
  }

  http(input: Buffer, spare: Dial | undefined): void {
    serveHttp({ client: this.client, input, spare, policy: this });
  }

  http2(input: Buffer, spare: Dial | undefined, greeting: Buffer | undefined): void {
    serveHttp2({ client: this.client, input, spare, greeting, policy: this });
  }

  decide(head: RequestHead): Forward | Promise<Forward> {
    this.#pod.counters.requests += 1;
    return mustWait(this.#pod, head) ? this.#decideLater(head) : this.#decide(head, 0);
  }

  /** What cannot be reached is a reset, as without us. */
  unreachable(): undefined {
    return undefined;
  }

  async #decideLater(head: RequestHead): Promise<Forward> {
    const since = performance.now();
    await this.#pod.routes.first();
    return this.#decide(head, performance.now() - since);
  }
}
