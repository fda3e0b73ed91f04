/**
 * HTTP/1.1 over TLS for exchanges of one small request and one answer. `node:http` on a TLS stream costs half a
 * millisecond more each time: admissions are too rare for its code to stay compiled, and every create waits for them.
 */
import type { TLSSocket } from "node:tls";
import { serveTls, type SecureServer } from "../core/host/tls-server.ts";
import { CLOSE_LINGER_MS_MAX, HTTP_IDLE_MS_MAX } from "../core/limits.ts";
import { Fault } from "../proxy/http/head.ts";
import { closesAfter, parseRequestHead, type RequestHead } from "../proxy/http/request-head.ts";

export interface Exchange {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Done when the answer is on its way: nobody waits for it. */
  readonly after?: () => void;
}

export interface ExchangeOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Larger requests are answered 413, without being read. */
  readonly bodyBytesMax: number;
  /** Must not reject. */
  readonly respond: (exchange: Exchange) => Promise<Reply>;
  /** True while the server is on its way out: answers then end their connection, so that the next one goes elsewhere. */
  readonly leaving: () => boolean;
}

/** Handshakes fail until the first `reload`. Rejects when the port cannot be had. */
export async function serveExchanges(options: ExchangeOptions): Promise<SecureServer> {
  const open = new Set<Connection>();
  const server = await serveTls({
    port: options.port,
    alpn: ["http/1.1"],
    onConnection: (socket) => {
      const connection = new Connection(socket, options);
      open.add(connection);
      socket.on("close", () => open.delete(connection));
    },
  });
  const close = async (): Promise<void> => {
    for (const connection of open) connection.endWhenIdle();
    await server.close();
  };
  return { ...server, close };
}

class Connection {
  readonly #socket: TLSSocket;
  readonly #options: ExchangeOptions;
  #input: Buffer[] = [];
  #bytes = 0;
  /** Input of fewer bytes is no whole request. */
  #wanted = 1;
  #state: "reading" | "answering" | "ended" = "reading";
  #last = false;

  constructor(socket: TLSSocket, options: ExchangeOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setTimeout(HTTP_IDLE_MS_MAX, () => socket.destroy());
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
  }

  /** At once, or with the answer that is under way. */
  endWhenIdle(): void {
    this.#last = true;
    if (this.#state === "reading") this.#end("");
  }

  #receive(bytes: Buffer): void {
    if (this.#state === "ended") return;
    this.#input.push(bytes);
    this.#bytes += bytes.length;
    if (this.#state === "answering") this.#socket.pause();
    else this.#read();
  }

  #read(): void {
    if (this.#bytes < this.#wanted) return;
    const input = Buffer.concat(this.#input);
    this.#input = [input];
    const head = parseRequestHead(input, 0);
    if (head === undefined) {
      this.#wanted = input.length + 1;
      return;
    }
    if (head instanceof Fault) {
      this.#refuse(head);
      return;
    }
    const refusal = this.#refusalOf(head);
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    const end = head.end + Math.max(0, head.fields.contentLength);
    this.#wanted = end;
    if (input.length < end) return;
    this.#input = [input.subarray(end)];
    this.#bytes = input.length - end;
    this.#wanted = 1;
    this.#last ||= closesAfter(head);
    void this.#answer({ method: head.method, target: head.target, body: input.toString("utf8", head.end, end) });
  }

  /** API servers know the length of what they send; so there is no other coding to understand. */
  #refusalOf({ fields }: RequestHead): Refusal | undefined {
    const { bodyBytesMax } = this.#options;
    if (fields.transferCoded) return { status: 411, reason: "the body needs a Content-Length" };
    if (fields.contentLength <= bodyBytesMax) return undefined;
    return { status: 413, reason: `the body is larger than ${bodyBytesMax} bytes` };
  }

  #refuse({ status, reason }: Refusal): void {
    this.#last = true;
    this.#send({ status, contentType: "text/plain; charset=utf-8", body: `${reason}\n` });
  }

  async #answer(exchange: Exchange): Promise<void> {
    this.#state = "answering";
    const reply = await this.#options.respond(exchange);
    this.#last ||= this.#options.leaving();
    this.#send(reply);
    reply.after?.();
    if (this.#last) return;
    this.#state = "reading";
    this.#socket.resume();
    this.#read();
  }

  /** Head and body in one write: one TLS record, one segment, one wake-up of the peer. RFC 9112 §4: the reason may be empty. */
  #send({ status, contentType, body }: Reply): void {
    const ending = this.#last ? "connection: close\r\n" : "";
    const head = `HTTP/1.1 ${status} \r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${ending}\r\n`;
    if (this.#last) this.#end(head + body);
    else this.#socket.write(head + body);
  }

  /** The peer may still be sending: closed at once, it would be reset under its answer. */
  #end(bytes: string): void {
    this.#state = "ended";
    this.#input = [];
    const socket = this.#socket;
    socket.resume();
    socket.end(bytes);
    const cut = setTimeout(() => socket.destroy(), CLOSE_LINGER_MS_MAX);
    socket.once("close", () => clearTimeout(cut));
  }
}

interface Refusal {
  /** HTTP status code. */
  readonly status: number;
  readonly reason: string;
}
