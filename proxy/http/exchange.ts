/**
 * One client connection that speaks HTTP/1.x: requests in order, each to the upstream that the policy names.
 *
 * Invariant: one request is in flight; what the client sends meanwhile stays in `#input` and the client is paused.
 * Invariant: responses pass as received, so the client's view of the connection is the upstream's.
 * Invariant: every path ends in `#finish` (answer first, then close) or in a reset of both sides.
 */
import { HEAD_MS_MAX } from "../../core/limits.ts";
import { type Answer, formatAnswer } from "./answer.ts";
import { type BodyScanner, bodyOf, requestFraming } from "./body.ts";
import type { Dial } from "../tcp/dial.ts";
import type { ExchangeObserver } from "./exchange-observer.ts";
import { Fault } from "./head.ts";
import { ObservedExchange } from "./observed-exchange.ts";
import { relay } from "../tcp/relay.ts";
import { composeRequest, type LineEdit } from "./request-edit.ts";
import { closesAfter, parseRequestHead, type RequestHead, skipEmptyLines } from "./request-head.ts";
import { MalformedResponse, type Upstream, type UpstreamListener } from "./upstream.ts";
import { type Reached, type Target, Upstreams } from "./upstreams.ts";
import { closeSoon, type Wire, type WireOwner } from "../tcp/wire.ts";

export interface Forward {
  readonly kind: "forward";
  /** Tried in this order; never empty. */
  readonly targets: readonly Target[];
  /** Set when the host names a space and the request carries no header. */
  readonly routeAs?: string | undefined;
  /** Member to add to the request's baggage. */
  readonly baggage?: string | undefined;
  readonly observer?: ExchangeObserver | undefined;
  /** Lines that a gateway takes away and adds. */
  readonly lines?: LineEdit | undefined;
}

export interface ExchangePolicy {
  /** Called once a request's head has been read. */
  readonly decide: (head: RequestHead) => Forward | Answer | Promise<Forward | Answer>;
  /** No target accepted a connection: `undefined` breaks the client's connection, as the kernel would have. */
  readonly unreachable: (head: RequestHead) => Answer | undefined;
}

export interface ExchangeStart {
  readonly client: Wire;
  readonly policy: ExchangePolicy;
  /** What has been read already; not to be kept. */
  readonly input?: Buffer | undefined;
  /** A connection to the original destination, perhaps still under way. */
  readonly spare?: Dial | undefined;
  /** What its server has said already. */
  readonly greeting?: Buffer | undefined;
  /** Default `HEAD_MS_MAX`. */
  readonly headMs?: number;
  /** Then the connection ends behind its last request that has begun. */
  readonly leaving?: AbortSignal | undefined;
}

/** Methods that may be sent again when a connection broke before any answer (RFC 9110 §9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Takes over the client's connection. */
export function serveHttp(start: ExchangeStart): void {
  const exchange = new Exchange(start);
  start.client.owner = exchange;
  if (start.input === undefined) start.client.resume();
  else exchange.data(start.client, start.input);
}

interface Retry {
  readonly forward: Forward;
  /** Index of the target to try. */
  readonly next: number;
  /** The request is `bytes[0, end)`. */
  readonly bytes: Buffer;
  readonly end: number;
}

/** A request between its head and the end of its answer. */
interface InFlight {
  readonly head: RequestHead;
  readonly upstream: Upstream;
  readonly body: BodyScanner;
  /** Where to go, and the bytes to send again, should the connection break before it answers. */
  readonly retry: Retry | undefined;
  answered: boolean;
  responded: boolean;
}

class Exchange implements WireOwner, UpstreamListener {
  readonly borrows = true;
  readonly #client: Wire;
  readonly #policy: ExchangePolicy;
  readonly #upstreams: Upstreams;
  #input: Buffer | undefined;
  /** It is only lent: whoever keeps it copies it. */
  #lent = false;
  #phase: "idle" | "deciding" | "busy" | "closed" = "idle";
  #current: InFlight | undefined;
  readonly #observed = new ObservedExchange();
  #clientEnded = false;
  readonly #headMs: number;
  #slowHead: ReturnType<typeof setTimeout> | undefined;
  readonly #leaving: AbortSignal | undefined;
  /** Listens to it, where there is one. */
  readonly #leave: (() => void) | undefined;

  constructor(start: ExchangeStart) {
    this.#client = start.client;
    this.#policy = start.policy;
    this.#headMs = start.headMs ?? HEAD_MS_MAX;
    this.#upstreams = new Upstreams(this, start.spare);
    this.#leaving = start.leaving;
    if (start.leaving === undefined) return;
    this.#leave = () => this.#leaveIdle();
    start.leaving.addEventListener("abort", this.#leave);
  }

  data(_wire: Wire, bytes: Buffer): void {
    this.#input = this.#input === undefined ? bytes : Buffer.concat([this.#input, bytes]);
    this.#lent = true;
    if (this.#phase === "idle") this.#readHead();
    else if (this.#current === undefined) this.#client.pause();
    else this.#sendBody(this.#current);
    // Most requests are on their way by now.
    if (this.#input !== undefined) this.#input = Buffer.from(this.#input);
    this.#lent = false;
  }

  end(): void {
    this.#clientEnded = true;
    if (this.#phase === "idle") this.#finish();
    else this.#passClientEnd();
  }

  drain(): void {
    this.#upstreams.latest?.wire.resume();
  }

  close(): void {
    this.#headIsOver();
    this.#isOver();
    this.#observed.ended(this.#current?.responded === true);
    // The server must learn that nobody reads its answer any more.
    if (this.#current?.responded === false) this.#upstreams.abort(this.#current.upstream);
    this.#upstreams.closeAll();
  }

  forward(bytes: Buffer): boolean {
    if (this.#current !== undefined) this.#current.answered = true;
    this.#observed.response(bytes);
    return this.#client.writeBorrowed(bytes);
  }

  began(status: number, grpcStatus: number): void {
    this.#observed.responded(status);
    if (grpcStatus >= 0) this.#observed.rpcEnded(grpcStatus);
  }

  responded(upstream: Upstream): void {
    const current = this.#current;
    if (current?.upstream !== upstream) return;
    current.responded = true;
    const closes = closesAfter(current.head) || !upstream.reusable;
    if (!upstream.reusable) this.#upstreams.drop(upstream);
    if (closes) this.#finish(this.#clientEnded || this.#sendsNoMore(current.head));
    else if (current.body.done) this.#next();
  }

  switched(upstream: Upstream, bytes: Buffer): void {
    this.#isOver();
    this.#observed.response(bytes);
    this.#observed.ended(true);
    this.#upstreams.release(upstream);
    relay({
      client: this.#client,
      upstream: upstream.wire,
      fromClient: this.#input,
      fromUpstream: bytes,
      clientEnded: this.#clientEnded,
    });
  }

  lost(upstream: Upstream, error: Error | undefined): void {
    if (this.#phase === "closed") return;
    const current = this.#current;
    if (current?.upstream !== upstream) this.#lostIdle(upstream);
    else if (current.responded) this.#finish();
    else if (!current.answered && current.retry !== undefined) this.#retry(current.retry);
    else if (error === undefined) this.#finish();
    else if (error instanceof MalformedResponse && !current.answered)
      this.#answer({ status: 502, text: `${error.message}\n` });
    else this.#reset();
  }

  drained(): void {
    if (this.#input === undefined) this.#client.resume();
  }

  #readHead(): void {
    const head = this.#input === undefined ? undefined : parseRequestHead(this.#input, 0);
    if (head instanceof Fault) this.#answer({ status: head.status, text: `The request was refused: ${head.reason}\n` });
    else if (head !== undefined) this.#decide(head);
    else if (this.#clientEnded) this.#finish();
    else this.#awaitHead();
  }

  /** A server's own patience with slow heads ends at us; that with idle clients does not, so only a head begun counts. */
  #awaitHead(): void {
    // Empty lines are no head begun: some clients send one behind a body (RFC 9112 §2.2).
    if (this.#input !== undefined && skipEmptyLines(this.#input, 0) === this.#input.length) this.#input = undefined;
    if (this.#input !== undefined) this.#slowHead ??= setTimeout(() => this.#refuseSlowHead(), this.#headMs);
    this.#client.resume();
  }

  #refuseSlowHead(): void {
    if (this.#phase === "idle")
      this.#answer({ status: 408, text: "The request was refused: its head did not come in time\n" });
  }

  #headIsOver(): void {
    if (this.#slowHead === undefined) return;
    clearTimeout(this.#slowHead);
    this.#slowHead = undefined;
  }

  #decide(head: RequestHead): void {
    this.#headIsOver();
    this.#phase = "deciding";
    const decision = this.#policy.decide(head);
    if (decision instanceof Promise) void this.#awaitDecision(head, decision);
    else this.#follow(head, decision);
  }

  async #awaitDecision(head: RequestHead, decision: Promise<Forward | Answer>): Promise<void> {
    this.#client.pause();
    try {
      this.#follow(head, await decision);
    } catch {
      this.#reset();
    }
  }

  #follow(head: RequestHead, decision: Forward | Answer): void {
    if (this.#phase === "closed") return;
    if (decision.kind === "answer") this.#answer(decision, head.method);
    else {
      this.#observed.begin(decision.observer);
      this.#connect(head, decision, 0);
    }
  }

  /** To the first of the targets, from `at` on, that is there. */
  #connect(head: RequestHead, forward: Forward, at: number): void {
    const open = this.#upstreams.open(forward.targets, at);
    if (open !== undefined) return this.#send(head, open, forward);
    // What the client sends meanwhile pauses it (`data`); most send nothing, and pausing costs two system calls.
    this.#upstreams.reach(forward.targets, at, (reached) => {
      if (this.#phase === "closed") return;
      if (reached !== undefined) this.#send(head, reached, forward);
      else this.#unreachable(head);
    });
  }

  #unreachable(head: RequestHead): void {
    const answer = this.#policy.unreachable(head);
    if (answer === undefined) this.#reset();
    else this.#answer(answer, head.method);
  }

  /** Head and the body bytes at hand, in one write. */
  #send(head: RequestHead, reached: Reached, forward: Forward): void {
    const input = this.#input;
    if (input === undefined) return;
    const body = bodyOf(requestFraming(head));
    const bodyEnd = body.scan(input, head.end, input.length);
    if (bodyEnd < 0) {
      this.#answer({ status: 400, text: "The request was refused: its chunks are malformed\n" });
      return;
    }
    const { upstream, target, next } = reached;
    this.#observed.connected(target);
    this.#observed.request(input, head.start, bodyEnd);
    upstream.begin(head.method);
    const another = next < forward.targets.length && upstream.fresh;
    const retry =
      another && body.done && SAFE_METHODS.has(head.method)
        ? { forward, next, bytes: this.#lent ? Buffer.from(input) : input, end: bodyEnd }
        : undefined;
    this.#input = bodyEnd < input.length ? input.subarray(bodyEnd) : undefined;
    this.#current = { head, upstream, body, retry, answered: false, responded: false };
    this.#phase = "busy";
    const taken = upstream.wire.writeBorrowed(
      composeRequest(
        { bytes: input, head, end: bodyEnd },
        { routeAs: forward.routeAs, baggage: forward.baggage, mark: target.mark, lines: forward.lines },
      ),
    );
    if (!taken || this.#input !== undefined) this.#client.pause();
    else this.#client.resume();
    // It may have been paused by an earlier answer that the client has read since.
    if (!this.#client.backlogged) upstream.wire.resume();
    if (this.#clientEnded) this.#passClientEnd();
  }

  #sendBody(current: InFlight): void {
    const input = this.#input;
    if (input === undefined) return;
    if (current.body.done) {
      this.#client.pause();
      return;
    }
    const end = current.body.scan(input, 0, input.length);
    if (end < 0) {
      this.#refuseBody(current);
      return;
    }
    this.#input = end < input.length ? input.subarray(end) : undefined;
    this.#observed.request(input, 0, end);
    const taken = current.upstream.wire.writeBorrowed(end < input.length ? input.subarray(0, end) : input);
    if (!taken || this.#input !== undefined) this.#client.pause();
    if (current.body.done && current.responded) this.#next();
  }

  /** The server has read a part of the request: only a broken connection tells it that the rest will not come. */
  #refuseBody(current: InFlight): void {
    this.#upstreams.abort(current.upstream);
    if (current.answered) this.#reset();
    else this.#answer({ status: 400, text: "The request was refused: its chunks are malformed\n" });
  }

  #next(): void {
    this.#observed.ended(true);
    this.#phase = "idle";
    this.#current = undefined;
    if (this.#leaving?.aborted === true) this.#leaveIdle();
    if (this.#phase === "idle") this.#readHead();
  }

  #leaveIdle(): void {
    if (this.#phase === "idle" && this.#input === undefined) this.#finish();
  }

  #retry(retry: Retry): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#upstreams.drop(current.upstream);
    const bytes = retry.bytes.subarray(0, retry.end);
    this.#input = this.#input === undefined ? bytes : Buffer.concat([bytes, this.#input]);
    this.#current = undefined;
    this.#phase = "deciding";
    this.#connect(current.head, retry.forward, retry.next);
  }

  /** As without us: the end of the connection that served the client last is the end of the client's. */
  #lostIdle(upstream: Upstream): void {
    const mirrored = upstream === this.#upstreams.latest && this.#phase === "idle" && this.#input === undefined;
    this.#upstreams.drop(upstream);
    if (mirrored) this.#finish();
  }

  /** The server sees the client's end where it would have seen it without us: behind the last request. */
  #passClientEnd(): void {
    if (this.#current !== undefined && this.#input === undefined) this.#current.upstream.wire.end();
  }

  #answer(answer: Pick<Answer, "status" | "text" | "html">, method?: string): void {
    const bytes = formatAnswer(answer, method);
    this.#observed.responded(answer.status);
    this.#observed.response(bytes);
    this.#observed.ended(false);
    this.#client.write(bytes);
    this.#finish();
  }

  /** It has said so (RFC 9112 §9.6). Behind a body some clients send an empty line all the same. */
  #sendsNoMore(head: RequestHead): boolean {
    return closesAfter(head) && requestFraming(head) === 0 && this.#input === undefined;
  }

  /** @param silent nothing more comes from the client, so nothing can be unread */
  #finish(silent = this.#clientEnded): void {
    this.#isOver();
    this.#observed.ended(this.#current?.responded === true);
    this.#upstreams.closeAll();
    if (silent) this.#client.close();
    else closeSoon(this.#client);
  }

  #reset(): void {
    this.#isOver();
    this.#observed.ended(false);
    this.#upstreams.closeAll();
    this.#client.reset();
  }

  #isOver(): void {
    this.#phase = "closed";
    if (this.#leave !== undefined) this.#leaving?.removeEventListener("abort", this.#leave);
  }
}
