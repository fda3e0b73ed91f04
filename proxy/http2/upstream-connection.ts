/** A connection to a target, on behalf of one client connection. */
import { HEAD_BYTES_MAX, HTTP2_STREAM_WINDOW_BYTES } from "../../core/limits.ts";
import type { Endpoint } from "../tcp/dial.ts";
import type { Wire } from "../tcp/wire.ts";
import { Connection } from "./connection.ts";
import type { Field } from "./field.ts";
import { PREFACE } from "../http/preface.ts";
import { ERROR, SETTING, STREAM_ID_MAX } from "./frame.ts";
import type { Block } from "./hpack-decoder.ts";
import { readResponse, type Response } from "./request.ts";
import type { Stream } from "./stream.ts";

export interface UpstreamOwner {
  /** It takes no further streams. */
  readonly upstreamLeaving: (upstream: UpstreamConnection) => void;
  /** The connection is gone; `streams` were open on it. */
  readonly upstreamLost: (upstream: UpstreamConnection, streams: readonly Stream[], error: Error | undefined) => void;
  /** Its settings were read. */
  readonly upstreamSettled: (upstream: UpstreamConnection) => void;
  readonly flushAll: () => void;
}

interface Opening {
  readonly stream: Stream;
  readonly fields: readonly Field[];
  readonly end: boolean;
  /** An extended CONNECT, which a server must have offered to take (RFC 8441 §3). */
  readonly extended: boolean;
}

/** What a server that has not spoken yet is expected to take (RFC 9113 §6.5.2 recommends no less). */
const STREAMS_EXPECTED = 100;

export class UpstreamConnection extends Connection {
  readonly endpoint: Endpoint;
  readonly #owner: UpstreamOwner;
  /** Streams that the server's limit keeps waiting, in order. */
  readonly #waiting = new Set<Opening>();
  /** Extended CONNECTs that wait for its offer. */
  readonly #unoffered = new Set<Opening>();
  #nextId = 1;
  #streamsMax = STREAMS_EXPECTED;
  #offersConnect = false;
  #leaving = false;
  #lost = false;
  #heard = false;
  /** Read once as long as it is repeated. */
  #lastBlock: Block | undefined;
  #lastResponse: Response | undefined;

  constructor(wire: Wire, { owner, endpoint }: { readonly owner: UpstreamOwner; readonly endpoint: Endpoint }) {
    super(wire, false);
    this.#owner = owner;
    this.endpoint = endpoint;
    wire.owner = this;
    this.output.push(PREFACE);
    this.greet([
      [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, HTTP2_STREAM_WINDOW_BYTES],
      [SETTING.maxHeaderListSize, HEAD_BYTES_MAX],
    ]);
  }

  /** It takes new streams. */
  get usable(): boolean {
    return !this.#leaving && !this.#lost && !this.failed && !this.wire.closed;
  }

  /** Nothing has been heard from it yet. */
  get silent(): boolean {
    return !this.#heard;
  }

  /** What came of it was another protocol, as of a server that speaks HTTP/1.1 alone. */
  get foreign(): boolean {
    return this.failed && !this.#heard;
  }

  /** It takes extended CONNECT. */
  get offersConnect(): boolean {
    return this.#offersConnect;
  }

  get streamsMax(): number {
    return this.#streamsMax;
  }

  /** Streams that have a place, or wait for one. */
  get busy(): boolean {
    return this.streams.size > 0 || this.#waiting.size > 0 || this.#unoffered.size > 0;
  }

  /** Sends a request, as soon as the server takes another. */
  open(opening: Opening): void {
    if (opening.extended && !this.#offersConnect) this.#unoffered.add(opening);
    else if (this.streams.size < this.#streamsMax && this.#waiting.size === 0) this.#open(opening);
    else this.#waiting.add(opening);
  }

  /** Gives a stream up, whether it has a place or waits for one. */
  giveUp(stream: Stream, code: number): void {
    this.resetStream(stream, code);
    for (const openings of [this.#waiting, this.#unoffered])
      for (const opening of openings) if (opening.stream === stream) openings.delete(opening);
  }

  /** `undefined` when it is malformed. */
  responseOf(block: Block): Response | undefined {
    if (block !== this.#lastBlock) {
      this.#lastBlock = block;
      this.#lastResponse = readResponse(block.fields);
    }
    return this.#lastResponse;
  }

  override data(wire: Wire, bytes: Buffer): void {
    super.data(wire, bytes);
    this.#heard = true;
  }

  end(): void {
    this.#loseAll(undefined);
  }

  close(_wire: Wire, error: Error | undefined): void {
    this.#loseAll(error);
  }

  goAway(lastId: number): void {
    if (!this.#leaving) {
      this.#leaving = true;
      this.#owner.upstreamLeaving(this);
    }
    const refused = [...this.streams.values()].filter((stream) => stream.id > lastId);
    for (const stream of refused) this.failStream(stream.id, ERROR.refusedStream);
    for (const { stream } of this.#takeWaiting()) stream.listener.reset(stream, ERROR.refusedStream);
  }

  protected opened(id: number): void {
    if (this.isIdle(id)) this.fail(ERROR.protocol, "HEADERS on an idle stream");
    // Else an answer to a stream that was given up.
    else this.idleFrame();
  }

  protected settled(settings: readonly (readonly [number, number])[]): void {
    this.#streamsMax = this.#heard ? this.#streamsMax : Number.POSITIVE_INFINITY;
    for (const [id, value] of settings) {
      if (id === SETTING.maxConcurrentStreams) this.#streamsMax = value;
      if (id === SETTING.enableConnectProtocol) this.#offersConnect = value === 1;
    }
    this.#heard = true;
    this.#owner.upstreamSettled(this);
    if (this.#offersConnect && this.#unoffered.size > 0) this.#openOffered();
    this.#openWaiting();
  }

  protected broken(): void {
    this.#loseAll(new Error("The server broke the protocol"));
  }

  protected streamClosed(): void {
    this.#openWaiting();
    if (this.#leaving && !this.busy) this.wire.close();
  }

  protected mayReset(): boolean {
    // A server may refuse whatever it is asked.
    return true;
  }

  protected flushAll(): void {
    this.#owner.flushAll();
  }

  #open({ stream, fields, end }: Opening): void {
    this.lastId = this.#nextId;
    this.place(stream, this.#nextId);
    this.#nextId += 2;
    if (this.#nextId > STREAM_ID_MAX) this.#leaving = true;
    this.sendHeaders(stream, fields, end);
    if (!end) this.pump(stream);
  }

  #openWaiting(): void {
    for (const opening of this.#waiting) {
      if (this.streams.size >= this.#streamsMax) return;
      this.#waiting.delete(opening);
      this.#open(opening);
    }
  }

  #openOffered(): void {
    for (const opening of this.#unoffered) this.#waiting.add(opening);
    this.#unoffered.clear();
  }

  #takeWaiting(): readonly Opening[] {
    const waiting = [...this.#waiting, ...this.#unoffered];
    this.#waiting.clear();
    this.#unoffered.clear();
    return waiting;
  }

  #loseAll(error: Error | undefined): void {
    if (this.#lost) return;
    this.#lost = true;
    const streams = [...this.streams.values(), ...this.#takeWaiting().map(({ stream }) => stream)];
    this.streams.clear();
    for (const stream of streams) stream.connection = undefined;
    this.#owner.upstreamLost(this, streams, error);
    this.#owner.flushAll();
  }
}
