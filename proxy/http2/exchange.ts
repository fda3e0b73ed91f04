/** One stream of a client: its request, where it goes, its response. */
import { HTTP2_OFFER_MS_MAX } from "../../core/limits.ts";
import type { Answer } from "../http/answer.ts";
import type { Forward } from "../http/exchange.ts";
import type { ExchangeObserver } from "../http/exchange-observer.ts";
import type { Target } from "../http/upstreams.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Field } from "./field.ts";
import { ERROR } from "./frame.ts";
import { requestHeadText, responseHeadText } from "./head-text.ts";
import type { Block } from "./hpack-decoder.ts";
import { areTrailers, beginsTunnel, contentOf, grpcStatusOf, type Request } from "./request.ts";
import { Stream, type StreamListener } from "./stream.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

/** Methods that may be sent again when a connection broke before any answer (RFC 9110 §9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export class Exchange implements StreamListener {
  /** The client's side and the target's. */
  readonly down: Stream;
  readonly up: Stream;
  readonly #client: ClientConnection;
  readonly #request: Request;
  /** The request was its header section alone. */
  readonly #bodyless: boolean;
  #forward: Forward | undefined;
  /** Until the exchange's end is told. */
  #observer: ExchangeObserver | undefined;
  #upstream: UpstreamConnection | undefined;
  /** Index of the target that comes after the one in use. */
  #next = 0;
  #responded = false;
  /** The server has agreed to another protocol: what both sides send from now on is that protocol's. */
  #tunnel = false;
  /** Until the server must have offered to take an extended CONNECT. */
  #offer: ReturnType<typeof setTimeout> | undefined;
  #done = false;

  constructor(client: ClientConnection, request: Request, bodyless: boolean) {
    this.#client = client;
    this.#request = request;
    this.#bodyless = bodyless;
    this.down = new Stream(this);
    this.up = new Stream(this);
    this.down.partner = this.up;
    this.up.partner = this.down;
    this.down.contentLeft = request.head.fields.contentLength;
  }

  /** After the client's side has its place on its connection. */
  begin(): void {
    const decision = this.#client.policy.decide(this.#request.head);
    if (decision instanceof Promise) void this.#awaitDecision(decision);
    else this.#follow(decision);
  }

  headers(stream: Stream, block: Block, end: boolean): boolean {
    const { fields, tooLarge } = block;
    if (tooLarge) return false;
    if (stream === this.up && !this.#responded) return this.#respond(block, end);
    // A tunnel has DATA alone (RFC 9113 §8.5).
    if (this.#tunnel || !end || !areTrailers(fields)) return false;
    this.#noteTrailers(stream, fields);
    (stream === this.up ? this.down : this.up).writeTrailers(fields);
    return true;
  }

  closed(stream: Stream): void {
    if (stream === this.down) this.#end(true);
  }

  reset(stream: Stream, code: number): void {
    // The response is whole; its server wants no more of the request (RFC 9113 §8.1).
    if (stream === this.up && this.up.remoteEnded && code === ERROR.none) return this.#client.resetSoon(this.down);
    if (stream === this.down) this.#upstream?.giveUp(this.up, code === ERROR.none ? ERROR.cancel : code);
    else this.#client.resetStream(this.down, code);
    this.#end(false);
  }

  /** Its connection to the target is gone. */
  lost(): void {
    if (this.#done) return;
    const { silent: unheard = false, foreign = false } = this.#upstream ?? {};
    this.#upstream = undefined;
    const repeatable = this.#bodyless && SAFE_METHODS.has(this.#request.head.method);
    const targets = this.#forward?.targets ?? [];
    if (repeatable && unheard && this.#next < targets.length) this.#connect(targets, this.#next);
    else if (this.#responded) this.#fail(ERROR.internal);
    else if (foreign && this.#request.head.protocol !== undefined) this.#refuseTunnel();
    else if (foreign) this.answer({ status: 502, text: "The server does not speak HTTP/2\n" });
    else this.answer({ status: 502, text: "The connection to the server was lost before it answered\n" });
  }

  /** A response of the proxy's own. */
  answer({ status, text, html }: Pick<Answer, "status" | "text" | "html">): void {
    const content = Buffer.from(text, "utf8");
    const bodyless = this.#request.head.method === "HEAD" || content.length === 0;
    const fields = [
      new Field(":status", String(status)),
      new Field("content-type", `text/${html === true ? "html" : "plain"}; charset=utf-8`),
      new Field("content-length", String(content.length), "none"),
    ];
    clearTimeout(this.#offer);
    this.#responded = true;
    this.#observer?.responded(status);
    this.#observer?.capture?.response(Buffer.concat([responseHeadText(fields), content]));
    this.#tellEnd(false);
    this.up.discard();
    this.down.partner = undefined;
    this.down.connection?.sendHeaders(this.down, fields, bodyless);
    if (!bodyless) this.down.write(content, true);
    // What still comes of the request is of no use (RFC 9113 §8.1).
    if (!this.down.remoteEnded) this.#client.resetSoon(this.down);
  }

  async #awaitDecision(decision: Promise<Forward | Answer>): Promise<void> {
    try {
      this.#follow(await decision);
    } catch {
      this.#fail(ERROR.internal);
    }
    this.#client.flushAll();
  }

  #follow(decision: Forward | Answer): void {
    if (this.#done) return;
    if (decision.kind === "answer") return this.answer(decision);
    this.#forward = decision;
    this.#observer = decision.observer;
    this.#connect(decision.targets, 0);
  }

  #connect(targets: readonly Target[], at: number): void {
    const target = targets[at];
    const open = target === undefined ? undefined : this.#client.reached(target);
    if (target !== undefined && open !== undefined) return this.#send(open, target, at + 1);
    this.#client.reach(targets, at, (reached) => {
      if (this.#done) return;
      if (reached === undefined) this.#unreachable();
      else this.#send(reached.upstream, reached.target, reached.next);
    });
  }

  #unreachable(): void {
    const answer = this.#client.policy.unreachable(this.#request.head);
    if (answer !== undefined) this.answer(answer);
    else if (this.#client.serves(this)) this.answer({ status: 503, text: "No server accepts connections\n" });
    // As the kernel would have.
    else this.#client.wire.reset();
  }

  #send(upstream: UpstreamConnection, target: Target, next: number): void {
    const request = this.#request;
    const extended = request.head.protocol !== undefined;
    if (extended && !upstream.offersConnect) this.#awaitOffer(upstream);
    this.#upstream = upstream;
    this.#next = next;
    this.#observer?.connected(target);
    if (this.#observer?.capture !== undefined) this.#capture();
    const { routeAs, baggage, lines } = this.#forward ?? {};
    const edit = { routeAs, baggage, mark: target.mark, lines };
    const fields = this.#client.edits.apply(request, edit);
    upstream.open({ stream: this.up, fields, end: this.#bodyless, extended });
  }

  /** From the head of the request on; that of the response follows. */
  #capture(): void {
    this.#observer?.capture?.request(requestHeadText(this.#request.fields));
    this.up.tap = (content) => this.#observer?.capture?.request(content);
    this.down.tap = (content) => this.#observer?.capture?.response(content);
  }

  #noteTrailers(stream: Stream, trailers: readonly Field[]): void {
    const observer = this.#observer;
    if (stream === this.down) return observer?.capture?.requestTrailers(trailers);
    this.#tellRpcEnd(grpcStatusOf(trailers));
    observer?.capture?.responseTrailers(trailers);
  }

  #tellRpcEnd(grpcStatus: number): void {
    if (grpcStatus >= 0) this.#observer?.rpcEnded(grpcStatus);
  }

  /** A sidecar's offer follows its first SETTINGS: it has to hear the application's. */
  #awaitOffer(upstream: UpstreamConnection): void {
    this.#offer = setTimeout(() => {
      if (upstream.offersConnect) return;
      upstream.giveUp(this.up, ERROR.cancel);
      this.#refuseTunnel();
      this.#client.flushAll();
    }, HTTP2_OFFER_MS_MAX);
  }

  #refuseTunnel(): void {
    const protocol = this.#request.head.protocol ?? "";
    this.answer({ status: 501, text: `The server does not take \`${protocol}\` over HTTP/2 (RFC 8441)\n` });
  }

  #respond(block: Block, end: boolean): boolean {
    const response = this.#upstream?.responseOf(block);
    if (response === undefined || (end && response.status < 200)) return false;
    const { status } = response;
    if (status >= 200) {
      this.#responded = true;
      this.#tunnel = beginsTunnel(response, this.#request.head.method);
      this.up.contentLeft = contentOf(response, this.#request.head.method);
      this.#observer?.responded(status);
      this.#tellRpcEnd(response.grpcStatus);
      this.#observer?.capture?.response(responseHeadText(block.fields));
    } else this.up.connection?.idleFrame();
    this.down.connection?.sendHeaders(this.down, block.fields, end);
    // What passes now is no exchange any more.
    if (this.#tunnel) this.#tellEnd(true);
    return true;
  }

  #fail(code: number): void {
    this.#upstream?.giveUp(this.up, ERROR.cancel);
    this.#client.resetStream(this.down, code);
    this.#end(false);
  }

  #end(complete: boolean): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#offer !== undefined) clearTimeout(this.#offer);
    this.up.discard();
    this.#tellEnd(complete);
  }

  #tellEnd(complete: boolean): void {
    const observer = this.#observer;
    this.#observer = undefined;
    observer?.ended({ request: this.down.received, response: this.up.received }, complete);
  }
}
