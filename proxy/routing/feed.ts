/**
 * The route feed: one HTTPS request to the controller whose answer never ends, a JSON message a line.
 * Written on Bun's TLS socket and our own framing: `fetch` and `node:tls` cost 3 and 7 MiB of resident memory.
 */
import {
  FEED_CONNECT_MS_MAX,
  FEED_LINE_BYTES_MAX,
  FEED_SILENCE_MS_MAX,
  RECONNECT_MS_MAX,
  RECONNECT_MS_MIN,
} from "../../core/limits.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import { type FeedMessage, FEED_PATH } from "../../core/route-table.ts";
import type { ServerAddress } from "../../core/sidecar-config.ts";
import { ChunkedScanner } from "../http/chunked.ts";
import { Fault } from "../http/head.ts";
import { parseResponseHead } from "../http/response-head.ts";
import { parseFeedMessage } from "../../core/feed-message.ts";

export interface FeedOptions {
  readonly controller: ServerAddress;
  /** PEM of the authority that signed the controller's certificate. */
  readonly ca: string;
  /** Read for each connection: projected tokens rotate. */
  readonly token: () => Promise<string>;
  /** False when the message does not continue what is known: the feed starts again. */
  readonly apply: (message: FeedMessage) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Follows the feed, for ever, until the signal: what was learnt stays in force while it is lost. */
export async function followFeed(options: FeedOptions): Promise<void> {
  const { clock, log, signal } = options;
  let backoff = RECONNECT_MS_MIN;
  while (!signal.aborted) {
    try {
      await readFeed(options, () => {
        backoff = RECONNECT_MS_MIN;
      });
    } catch (error) {
      if (isAborted(signal)) return;
      log("warn", "The route feed was lost; the last routes stay in force", {
        error: messageOf(error),
        retryMs: backoff,
      });
    }
    // Jitter: after a restart of the controller its sidecars must not come all at once.
    await clock.sleep(backoff * (0.5 + Math.random()), signal).catch(() => undefined);
    backoff = Math.min(backoff * 2, RECONNECT_MS_MAX);
  }
}

/** One connection, until it ends; always rejects. */
async function readFeed(options: FeedOptions, received: () => void): Promise<void> {
  const { controller, ca, signal } = options;
  const token = await options.token();
  const ended = Promise.withResolvers<never>();
  const reader = new FeedReader((message) => {
    received();
    if (!options.apply(message)) throw new Error("The feed does not continue the last snapshot");
  });
  const silence = setTimeout(() => ended.reject(new Error("The feed is silent")), FEED_SILENCE_MS_MAX);
  const dialling = setTimeout(() => ended.reject(new Error("The controller does not answer")), FEED_CONNECT_MS_MAX);
  const onAbort = (): void => ended.reject(new Error("Aborted"));
  signal.addEventListener("abort", onAbort, { once: true });
  const connecting = Bun.connect({
    hostname: controller.address,
    port: controller.port,
    tls: { ca, serverName: controller.serverName, rejectUnauthorized: true },
    socket: {
      handshake: (socket, trusted, error) => {
        clearTimeout(dialling);
        if (trusted)
          socket.write(
            `GET ${FEED_PATH} HTTP/1.1\r\nHost: ${controller.serverName}\r\nAuthorization: Bearer ${token.trim()}\r\n\r\n`,
          );
        else ended.reject(error ?? new Error("The controller's certificate is not trusted"));
      },
      data: (_socket, bytes) => {
        silence.refresh();
        const failure = attempt(() => reader.read(bytes));
        if (failure !== undefined) ended.reject(failure);
      },
      end: () => ended.reject(new Error("The controller ended the feed")),
      close: (_socket, error) => ended.reject(error ?? new Error("The controller closed the feed")),
      error: (_socket, error) => ended.reject(error),
      connectError: (_socket, error) => ended.reject(error),
    },
  });
  // When the end comes first, the connection is closed as soon as it is there.
  const socket = connecting.catch(() => undefined);
  try {
    await ended.promise;
  } finally {
    clearTimeout(silence);
    clearTimeout(dialling);
    signal.removeEventListener("abort", onAbort);
    void socket.then((open) => open?.terminate());
  }
}

/** From the bytes of the answer to messages. */
export class FeedReader {
  readonly #onMessage: (message: FeedMessage) => void;
  #head: Buffer | undefined = Buffer.alloc(0);
  #chunks: ChunkedScanner | undefined;
  #line: Buffer[] = [];
  #lineBytes = 0;

  constructor(onMessage: (message: FeedMessage) => void) {
    this.#onMessage = onMessage;
  }

  /** @throws Error when the answer is no feed */
  read(bytes: Buffer): void {
    const body = this.#head === undefined ? bytes : this.#readHead(Buffer.concat([this.#head, bytes]));
    if (body.length === 0) return;
    if (this.#chunks === undefined) this.#readLines(body);
    else if (this.#chunks.scan(body, 0, body.length) < 0) throw new Error("The feed's chunks are malformed");
  }

  /** The bytes behind the head. */
  #readHead(bytes: Buffer): Buffer {
    const head = parseResponseHead(bytes, 0);
    if (head instanceof Fault) throw new Error(`The controller does not speak HTTP: ${head.reason}`);
    if (head === undefined) {
      this.#head = bytes;
      return Buffer.alloc(0);
    }
    if (head.status !== 200) throw new Error(`The controller answered ${head.status}`);
    this.#head = undefined;
    if (head.fields.chunked) this.#chunks = new ChunkedScanner((content) => this.#readLines(content));
    return bytes.subarray(head.end);
  }

  #readLines(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#line.push(bytes.subarray(start, end));
      const text = Buffer.concat(this.#line).toString("utf8");
      this.#line = [];
      this.#lineBytes = 0;
      start = end + 1;
      const message = parseFeedMessage(text);
      if (message !== undefined) this.#onMessage(message);
    }
    if (start === bytes.length) return;
    this.#line.push(bytes.subarray(start));
    this.#lineBytes += bytes.length - start;
    if (this.#lineBytes > FEED_LINE_BYTES_MAX) throw new Error("A line of the feed is too long");
  }
}

function attempt(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A function, because the signal changes while we wait and TypeScript assumes it does not. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
