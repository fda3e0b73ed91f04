/** Who asked whom: the exchanges of one trace as a tree. Pure. */
import type { Exchange } from "../engine/traces/exchange.ts";

/** A pod with its addresses. */
export interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
}

export interface Call {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** The space of the request, where it names one of the tree. */
  readonly space?: string;
  /** `<namespace>/<name>`; absent where what was reached is no Service of the tree. */
  readonly service?: string;
  /** Who answered, where its sidecar tells. */
  readonly pod?: string;
  /** 0: nobody. */
  readonly status: number;
  /** What a gRPC call ended with. */
  readonly grpcStatus?: number;
  /** As the caller saw it. */
  readonly ms: number;
  /** Why it went there. */
  readonly reason: string;
  /** Targets that were tried. */
  readonly tries: number;
  readonly calls: readonly Call[];
}

/** Whether the exchange goes on to another pod, whose sidecar may tell of it too. */
export function forwards({ request }: Exchange): boolean {
  return request.direction !== "in" || request.reason === "nearer";
}

/** @param behind whether a pod is one of those that a Service, or an address, leads to */
export function traceTree(
  exchanges: readonly Exchange[],
  pods: readonly Place[],
  behind: (target: Exchange, pod: Place) => boolean,
): readonly Call[] {
  const tree = new Tree(exchanges.toSorted(byTime), pods, behind);
  return tree.roots();
}

class Tree {
  readonly #exchanges: readonly Exchange[];
  readonly #pods: readonly Place[];
  readonly #arrivals = new Map<Exchange, Exchange>();
  readonly #askers = new Map<Exchange, Exchange>();

  constructor(
    exchanges: readonly Exchange[],
    pods: readonly Place[],
    behind: (target: Exchange, pod: Place) => boolean,
  ) {
    this.#exchanges = exchanges;
    this.#pods = pods;
    for (const sent of exchanges.filter(forwards)) {
      const arrival = exchanges.find((other) => !this.#isTaken(other) && this.#isArrival(sent, other, behind));
      if (arrival !== undefined) this.#arrivals.set(sent, arrival);
    }
    for (const sent of exchanges.filter(({ request }) => request.direction === "out")) {
      const asker = exchanges.findLast((other) => answers(other, sent));
      if (asker !== undefined) this.#askers.set(sent, asker);
    }
  }

  roots(): readonly Call[] {
    const starts = this.#exchanges.filter((each) =>
      each.request.direction === "in" ? !this.#isTaken(each) : !this.#askers.has(each),
    );
    return starts.map((start) => this.#call(start));
  }

  #call(sent: Exchange): Call {
    const chain = this.#chain(sent);
    const { request, response } = sent;
    const { space, unknownSpace } = request;
    // Of several sidecars that handed it on, the last one decided.
    const decided = chain.findLast(forwards) ?? sent;
    const answerer = chain.find((each) => !forwards(each));
    const service = decided.response?.service;
    const grpcStatus = response?.grpcStatus;
    return {
      method: request.method,
      authority: request.authority,
      path: request.path,
      ...(space === undefined || unknownSpace === true ? {} : { space }),
      ...(service === undefined ? {} : { service }),
      ...(answerer === undefined ? {} : { pod: `${answerer.namespace}/${answerer.pod}` }),
      status: response?.status ?? 0,
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
      ms: response?.totalMs ?? 0,
      reason: decided.request.reason,
      tries: response?.tries ?? 0,
      calls: answerer === undefined ? [] : this.#callsOf(answerer),
    };
  }

  /** The exchange, and those that the sidecars on its way tell of the same request. */
  #chain(sent: Exchange): readonly Exchange[] {
    const chain = [sent];
    for (let next = this.#arrivals.get(sent); next !== undefined; next = this.#arrivals.get(next)) chain.push(next);
    return chain;
  }

  #callsOf(answerer: Exchange): readonly Call[] {
    return this.#exchanges.filter((sent) => this.#askers.get(sent) === answerer).map((sent) => this.#call(sent));
  }

  #isTaken(exchange: Exchange): boolean {
    return [...this.#arrivals.values()].includes(exchange);
  }

  #isArrival(sent: Exchange, other: Exchange, behind: (target: Exchange, pod: Place) => boolean): boolean {
    if (other === sent || other.request.direction !== "in" || other.request.method !== sent.request.method)
      return false;
    const [from, to] = [this.#place(sent), this.#place(other)];
    if (other.request.path !== sent.request.path || to === undefined || !behind(sent, to)) return false;
    // The address of a client that is not known, or was changed on the way, says nothing.
    const known = this.#pods.some(({ addresses }) => addresses.includes(other.request.peer));
    return !known || from === undefined || from.addresses.includes(other.request.peer);
  }

  #place({ pod, namespace }: Exchange): Place | undefined {
    return this.#pods.find((place) => place.name === pod && place.namespace === namespace);
  }
}

/** Whether `sent` left the pod's application while it had `other` to answer: both by the clock of that pod. */
function answers(other: Exchange, sent: Exchange): boolean {
  if (other.request.direction !== "in" || other.request.reason === "nearer") return false;
  if (other.pod !== sent.pod || other.namespace !== sent.namespace) return false;
  const end = other.request.at + (other.response?.totalMs ?? Number.POSITIVE_INFINITY);
  // Times of requests are whole milliseconds.
  return other.request.at <= sent.request.at && sent.request.at <= end + 1;
}

function byTime(a: Exchange, b: Exchange): number {
  return a.request.at - b.request.at || a.request.id - b.request.id;
}
