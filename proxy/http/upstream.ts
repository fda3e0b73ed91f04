/** One upstream connection of one client connection: reads its responses and says where each ends. */
import { type BodyScanner, bodyOf, responseFraming } from "./body.ts";
import { Fault } from "./head.ts";
import { closesAfter } from "./request-head.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";
import type { Wire, WireOwner } from "../tcp/wire.ts";

export interface UpstreamListener {
  /** The head of the final response was read, or of 101. `grpcStatus` is -1 where it tells none. */
  readonly began: (status: number, grpcStatus: number) => void;
  /** Bytes of the response, as received and not to be kept; false when the client must be waited for. */
  readonly forward: (bytes: Buffer) => boolean;
  /** The final response has ended. */
  readonly responded: (upstream: Upstream) => void;
  /** 101, or success of CONNECT: `bytes` is the response and what follows it; HTTP ends here. */
  readonly switched: (upstream: Upstream, bytes: Buffer) => void;
  /** No (further) response will come. `error` where the connection was broken or spoke no HTTP. */
  readonly lost: (upstream: Upstream, error: Error | undefined) => void;
  /** A backlog of request bytes has been taken. */
  readonly drained: (upstream: Upstream) => void;
}

/** The upstream does not speak HTTP/1.x, or speaks it so that its readers could disagree. */
export class MalformedResponse extends Error {
  override readonly name = "MalformedResponse";

  constructor(reason: string) {
    super(`The response cannot be passed on: ${reason}`);
  }
}

export class Upstream implements WireOwner {
  readonly borrows = true;
  readonly wire: Wire;
  readonly #listener: UpstreamListener;
  /** Method of the request that is being answered; `undefined` between requests. */
  #method: string | undefined;
  #carry: Buffer | undefined;
  #body: BodyScanner | undefined;
  #requests = 0;
  #reusable = true;
  #lost = false;

  constructor(wire: Wire, listener: UpstreamListener) {
    this.wire = wire;
    this.#listener = listener;
    wire.owner = this;
  }

  /** Another request may be sent once this one is answered. */
  get reusable(): boolean {
    return this.#reusable && !this.#lost && !this.wire.closed;
  }

  /** The request in flight is the first on this connection. */
  get fresh(): boolean {
    return this.#requests === 1;
  }

  /** A request of `method` goes out: its response is expected. */
  begin(method: string): void {
    this.#method = method;
    this.#requests += 1;
    this.#body = undefined;
    this.#carry = undefined;
  }

  data(_wire: Wire, bytes: Buffer): void {
    if (this.#method === undefined) {
      // A response nobody asked for, such as 408 before a server closes an idle connection.
      this.#end(undefined);
      return;
    }
    const input = this.#carry === undefined ? bytes : Buffer.concat([this.#carry, bytes]);
    this.#carry = undefined;
    this.#read(input, this.#method);
  }

  end(): void {
    if (this.#body?.untilClose === true && this.#method !== undefined) {
      this.#reusable = false;
      this.#method = undefined;
      this.#listener.responded(this);
    } else this.#end(undefined);
  }

  drain(): void {
    this.#listener.drained(this);
  }

  close(_wire: Wire, error: Error | undefined): void {
    if (error === undefined) this.end();
    else this.#end(error);
  }

  #read(input: Buffer, method: string): void {
    let at = 0;
    while (at < input.length) {
      if (this.#body === undefined) {
        const head = parseResponseHead(input, at);
        if (head instanceof Fault) return this.#end(new MalformedResponse(head.reason));
        if (head === undefined) break;
        if (head.status === 101 || (method === "CONNECT" && head.status >= 200 && head.status < 300))
          return this.#switch(input, head);
        at = head.end;
        if (head.status >= 200) this.#beginBody(head, method);
      } else {
        const next = this.#body.scan(input, at, input.length);
        if (next < 0) return this.#end(new MalformedResponse("its chunks are malformed"));
        at = next;
      }
      if (this.#body?.done === true) return this.#finish(input, at);
    }
    if (at < input.length) this.#carry = Buffer.from(input.subarray(at));
    if (at > 0) this.#forward(input, at);
  }

  #switch(input: Buffer, { status, fields }: ResponseHead): void {
    this.#listener.began(status, fields.grpcStatus);
    this.#listener.switched(this, input);
  }

  #beginBody(head: ResponseHead, method: string): void {
    this.#listener.began(head.status, head.fields.grpcStatus);
    this.#body = bodyOf(responseFraming(head, method));
    // An HTTP/1.0 server that names a transfer coding may mean something else by it (RFC 9112 §6.1).
    const doubtful = head.http10 && head.fields.transferCoded;
    if (closesAfter(head) || doubtful || this.#body.untilClose) this.#reusable = false;
  }

  #finish(input: Buffer, at: number): void {
    // Bytes behind the response belong to no request (RFC 9112 §6.3): nothing more is read from here.
    if (at < input.length) this.#reusable = false;
    this.#method = undefined;
    this.#forward(input, at);
    this.#listener.responded(this);
  }

  #forward(input: Buffer, end: number): void {
    const all = this.#listener.forward(end === input.length ? input : input.subarray(0, end));
    if (!all) this.wire.pause();
  }

  #end(error: Error | undefined): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#listener.lost(this, error);
  }
}
