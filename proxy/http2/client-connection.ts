/**
 * One client connection that speaks HTTP/2, and the upstream connections that belong to it, one per target. Each stream
 * is decided by itself.
 *
 * Invariant: what an upstream sends for one stream never waits for another stream's reader.
 * Invariant: every turn ends in `flushAll`.
 */
import {
  HEAD_BYTES_MAX,
  HTTP2_RESETS_MAX,
  HTTP2_RESETS_PER_S,
  HTTP2_STREAM_WINDOW_BYTES,
  HTTP2_STREAMS_MAX,
  UPSTREAMS_PER_CLIENT_MAX,
} from "../../core/limits.ts";
import { Dial, endpointKey, isSameEndpoint } from "../tcp/dial.ts";
import type { ExchangePolicy, ExchangeStart } from "../http/exchange.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { Target } from "../http/upstreams.ts";
import { closeSoon, DISCARD, Wire } from "../tcp/wire.ts";
import { Budget } from "./budget.ts";
import { Connection } from "./connection.ts";
import { Exchange } from "./exchange.ts";
import { ERROR, SETTING, settingsFrame, STREAM_ID_MAX } from "./frame.ts";
import type { Block } from "./hpack-decoder.ts";
import { Edits, readRequest, type Request } from "./request.ts";
import type { Stream } from "./stream.ts";
import { UpstreamConnection, type UpstreamOwner } from "./upstream-connection.ts";

/** Takes over the client's connection, from its preface. */
export function serveHttp2(start: ExchangeStart): void {
  const connection = new ClientConnection(start);
  start.client.owner = connection;
  if (start.spare !== undefined) connection.adopt(start.spare, start.greeting);
  if (start.input === undefined) connection.flushAll();
  else connection.data(start.client, start.input);
  if (start.leaving?.aborted === true) connection.leave();
  start.client.resume();
}

export interface ReachedUpstream {
  readonly upstream: UpstreamConnection;
  readonly target: Target;
  /** Index of the target that comes after it. */
  readonly next: number;
}

type Reached = (reached: ReachedUpstream | undefined) => void;

/** A target that is being dialled, and who waits for it. */
interface Dialling {
  readonly dial: Dial;
  readonly waiting: ((upstream: UpstreamConnection | undefined) => void)[];
}

export class ClientConnection extends Connection implements UpstreamOwner {
  readonly policy: ExchangePolicy;
  readonly edits = new Edits();
  readonly #upstreams = new Map<string, UpstreamConnection>();
  readonly #dialling = new Map<string, Dialling>();
  /** Those that take no new streams but still answer. */
  readonly #leavingUpstreams = new Set<UpstreamConnection>();
  readonly #resets = new Budget({ burst: HTTP2_RESETS_MAX, perSecond: HTTP2_RESETS_PER_S });
  /** Read once as long as it is repeated. */
  #lastBlock: Block | undefined;
  #lastRequest: Request | undefined;
  /** The upstream of the latest request: its end is the client's end. */
  #latest: UpstreamConnection | undefined;
  #streamsMax = HTTP2_STREAMS_MAX;
  #offersConnect: boolean;
  /** Closes when the last stream ends. */
  #leaving = false;
  #closed = false;
  readonly #asked: AbortSignal | undefined;
  readonly #leaveNow = (): void => this.leave();

  constructor({ client, policy, spare, leaving }: ExchangeStart) {
    super(client, true);
    this.policy = policy;
    this.#offersConnect = spare === undefined;
    this.#asked = leaving;
    leaving?.addEventListener("abort", this.#leaveNow);
    this.greet([
      [SETTING.maxConcurrentStreams, HTTP2_STREAMS_MAX],
      [SETTING.initialWindowSize, HTTP2_STREAM_WINDOW_BYTES],
      [SETTING.maxHeaderListSize, HEAD_BYTES_MAX],
      [SETTING.enableConnectProtocol, this.#offersConnect ? 1 : 0],
    ]);
  }

  /**
   * Takes the connection to the original destination that was begun before the client had spoken. It is greeted at once,
   * as the client's own would have been: servers of HTTP/2 speak without being asked.
   */
  adopt(spare: Dial, greeting: Buffer | undefined): void {
    this.#await(endpointKey(spare.endpoint), spare, (upstream) => {
      if (upstream === undefined) return this.#offerConnect();
      if (greeting === undefined) return;
      upstream.data(upstream.wire, greeting);
      upstream.wire.resume();
    });
  }

  /** Whether streams other than this exchange's are open. */
  serves(other: Exchange): boolean {
    return this.streams.size > (this.streams.get(other.down.id) === other.down ? 1 : 0);
  }

  /** The open connection to a target, if it was the latest that was used too. */
  reached(target: Target): UpstreamConnection | undefined {
    const latest = this.#latest;
    if (latest?.usable !== true) return undefined;
    return isSameEndpoint(latest.endpoint, target) ? latest : undefined;
  }

  /** Reaches the first of `targets`, from `at` on, that accepts a connection. Answers at once where one is open. */
  reach(targets: readonly Target[], at: number, done: Reached): void {
    const target = targets[at];
    if (target === undefined) return done(undefined);
    this.#connect(target, (upstream) => {
      if (upstream === undefined) return this.reach(targets, at + 1, done);
      this.#latest = upstream;
      done({ upstream, target, next: at + 1 });
    });
  }

  /** Once what was written has been sent: the peer need not send on. */
  resetSoon(stream: Stream): void {
    stream.deaf = true;
    if (stream.localEnded) this.resetEnded(stream);
  }

  flushAll(): void {
    this.flush();
    for (const upstream of this.#upstreams.values()) upstream.flush();
    for (const upstream of this.#leavingUpstreams) upstream.flush();
    if (this.#leaving && this.streams.size === 0) this.#finish();
  }

  /** A client that half-closes still reads. */
  end(): void {
    this.#leaving = true;
    this.flushAll();
  }

  close(): void {
    this.#closeUpstreams();
    for (const stream of this.streams.values()) stream.listener.reset(stream, ERROR.cancel);
  }

  /** Ends with the last stream that is open. */
  leave(): void {
    this.#leave();
    this.flushAll();
  }

  /** The client opens no more streams that matter to it. */
  goAway(): void {}

  upstreamLeaving(upstream: UpstreamConnection): void {
    const latest = upstream === this.#latest;
    this.#forget(upstream);
    if (upstream.busy) this.#leavingUpstreams.add(upstream);
    // As without us: the server that the client was served by last wants it to connect anew.
    if (latest) this.#leave();
  }

  /** As without us: the end of the connection that served the client last is the end of the client's. */
  upstreamLost(upstream: UpstreamConnection, streams: readonly Stream[], error: Error | undefined): void {
    const latest = upstream === this.#latest;
    this.#forget(upstream);
    this.#leavingUpstreams.delete(upstream);
    upstream.wire.owner = DISCARD;
    if (error === undefined) upstream.wire.close();
    else upstream.wire.reset();
    if (this.#closed) return;
    const last = latest && this.#upstreams.size === 0 && this.#dialling.size === 0;
    if (!last || upstream.silent || streams.length < this.streams.size) {
      for (const stream of streams) stream.listener.lost();
    } else if (error === undefined || streams.length === 0) this.#finish();
    else this.wire.reset();
  }

  upstreamSettled(upstream: UpstreamConnection): void {
    if (upstream.offersConnect) this.#offerConnect();
    const max = Math.min(upstream.streamsMax, HTTP2_STREAMS_MAX);
    if (max === this.#streamsMax || upstream !== this.#latest) return;
    this.#streamsMax = max;
    this.output.push(settingsFrame([[SETTING.maxConcurrentStreams, max]]));
  }

  protected settled(): void {}

  protected opened(id: number, block: Block, end: boolean): void {
    const known = this.closedStreams.find(id);
    if (known === "reset-by-us") {
      this.lastId = Math.max(id, this.lastId);
      return;
    }
    if (known !== undefined) return this.fail(ERROR.streamClosed, "HEADERS on a closed stream");
    if (id % 2 === 0 || id <= this.lastId) return this.fail(ERROR.protocol, "a stream identifier that is not new");
    this.lastId = id;
    if (this.streams.size >= HTTP2_STREAMS_MAX) return this.failStream(id, ERROR.refusedStream);
    const request = block === this.#lastBlock ? this.#lastRequest : readRequest(block.fields);
    this.#lastBlock = block;
    this.#lastRequest = request;
    if (request === undefined || (end && request.head.fields.contentLength > 0) || !this.#takes(request.head))
      return this.failStream(id, ERROR.protocol);
    const exchange = new Exchange(this, request, end);
    exchange.down.remoteEnded = end;
    this.place(exchange.down, id);
    if (block.tooLarge) exchange.answer({ status: 431, text: "The request was refused: its head is too large\n" });
    else exchange.begin();
  }

  protected broken(): void {
    this.flush();
    this.#closeUpstreams();
    closeSoon(this.wire);
  }

  protected streamClosed(): void {}

  protected mayReset(): boolean {
    return this.#resets.spend();
  }

  /**
   * Extended CONNECT is offered as soon as a server offers it, so that clients of others stay with HTTP/1; where none can
   * be asked before the first request, at once. An offer cannot be taken back (RFC 8441 §3): `Exchange` refuses what the
   * server of one stream does not take.
   */
  #offerConnect(): void {
    if (this.#offersConnect) return;
    this.#offersConnect = true;
    this.output.push(settingsFrame([[SETTING.enableConnectProtocol, 1]]));
  }

  #takes({ protocol }: RequestHead): boolean {
    return protocol === undefined || this.#offersConnect;
  }

  #connect(target: Target, done: (upstream: UpstreamConnection | undefined) => void): void {
    const key = endpointKey(target);
    const open = this.#upstreams.get(key);
    if (open?.usable === true) return done(open);
    const under = this.#dialling.get(key);
    if (under === undefined) this.#await(key, new Dial(target), done);
    else under.waiting.push(done);
  }

  #await(key: string, dial: Dial, done: Dialling["waiting"][number]): void {
    const dialling: Dialling = { dial, waiting: [done] };
    this.#dialling.set(key, dialling);
    dial.whenSettled((outcome) => {
      this.#dialling.delete(key);
      const open = outcome instanceof Wire && !outcome.closed;
      const upstream = open ? new UpstreamConnection(outcome, { owner: this, endpoint: dial.endpoint }) : undefined;
      if (upstream !== undefined) this.#keep(key, upstream);
      for (const waiting of dialling.waiting) waiting(upstream);
      this.flushAll();
    });
  }

  #keep(key: string, upstream: UpstreamConnection): void {
    const [oldest] = this.#upstreams.values();
    if (this.#upstreams.size >= UPSTREAMS_PER_CLIENT_MAX && oldest !== undefined) oldest.goAway(STREAM_ID_MAX);
    this.#upstreams.set(key, upstream);
  }

  #forget(upstream: UpstreamConnection): void {
    for (const [key, open] of this.#upstreams) if (open === upstream) this.#upstreams.delete(key);
    if (this.#latest === upstream) this.#latest = undefined;
  }

  /** Asks the client to open its next streams elsewhere; what it opens meanwhile is served. */
  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.writeGoAway(STREAM_ID_MAX, ERROR.none, "");
  }

  #finish(): void {
    if (this.#closed || this.failed) return;
    this.#closed = true;
    this.writeGoAway(this.lastId, ERROR.none, "");
    this.flush();
    this.#closeUpstreams();
    closeSoon(this.wire);
  }

  /** A server must learn that nobody reads its answer any more. */
  #closeUpstreams(): void {
    this.#closed = true;
    this.#asked?.removeEventListener("abort", this.#leaveNow);
    for (const { dial } of this.#dialling.values()) dial.abandon();
    for (const upstream of [...this.#upstreams.values(), ...this.#leavingUpstreams]) {
      upstream.wire.owner = DISCARD;
      if (upstream.busy) upstream.wire.reset();
      else upstream.wire.close();
    }
    this.#upstreams.clear();
    this.#leavingUpstreams.clear();
  }
}
