/**
 * One side of a proxied stream. What its peer sends goes to `partner`, the other side, which keeps what it may not send
 * yet; only what was sent on earns the peer new credit, so a slow reader slows its sender and nobody else.
 */
import { HTTP2_STREAM_WINDOW_BYTES } from "../../core/limits.ts";
import type { Connection } from "./connection.ts";
import type { Field } from "./field.ts";
import { ERROR, FRAME_HEAD_BYTES, type Slice } from "./frame.ts";
import type { DataInfo } from "./frame-reader.ts";
import type { Block } from "./hpack-decoder.ts";
import { ReceiveWindow } from "./receive-window.ts";

export interface StreamListener {
  /** A header section; `end` where it is the last of the stream. False when it is malformed. */
  readonly headers: (stream: Stream, block: Block, end: boolean) => boolean;
  /** Both sides have ended. */
  readonly closed: (stream: Stream) => void;
  /** The peer has given the stream up with this code, or was cut off for breaking the protocol. */
  readonly reset: (stream: Stream, code: number) => void;
  /** The connection to the target is gone. */
  readonly lost: () => void;
}

export class Stream {
  readonly listener: StreamListener;
  /** Absent until it has a place on a connection: what is written meanwhile waits. */
  connection: Connection | undefined;
  id = 0;
  partner: Stream | undefined;
  /** What we may send, and what the peer may. */
  sendWindow = 0;
  readonly #receiveWindow = new ReceiveWindow(HTTP2_STREAM_WINDOW_BYTES);
  /** END_STREAM was sent, or received. */
  localEnded = false;
  remoteEnded = false;
  /** What the peer still sends is of no use: the stream is reset behind what waits here (RFC 9113 §8.1). */
  deaf = false;
  /** Bytes of its frames so far. */
  received = 0;
  /** Of the content that the peer has announced, still to come; -1 where it has not said, -2 where it sent more. */
  contentLeft = -1;
  /** Gets the content as it is sent. */
  tap: ((content: Buffer) => void) | undefined = undefined;
  /** Made when it is needed: most streams never wait. */
  #queue: Buffer[] | undefined;
  #queuedBytes = 0;
  /** What follows the last byte of the queue. */
  #ending: "none" | "end" | readonly Field[] = "none";

  constructor(listener: StreamListener) {
    this.listener = listener;
  }

  /** Something waits to be sent. */
  get waiting(): boolean {
    return this.#queuedBytes > 0 || this.#ending !== "none";
  }

  /** A DATA frame of the peer's: the error where it may not send that. */
  receive(content: number, { end, padding }: DataInfo): number | undefined {
    this.received += FRAME_HEAD_BYTES + content + padding;
    if (this.contentLeft >= 0) this.contentLeft = this.contentLeft < content ? -2 : this.contentLeft - content;
    return this.#receiveWindow.take(content + padding) ? this.contentFault(end) : ERROR.flowControl;
  }

  /** More or less content than was announced (RFC 9113 §8.1.1). */
  contentFault(end: boolean): number | undefined {
    return this.contentLeft === -2 || (end && this.contentLeft > 0) ? ERROR.protocol : undefined;
  }

  /** A DATA frame of the partner's peer, with room for its head in front of the payload. The frame may be written over. */
  pass(frame: Slice, end: boolean): void {
    const connection = this.connection;
    const bytes = frame.to - frame.from - FRAME_HEAD_BYTES;
    if (connection !== undefined && !this.waiting && connection.mayBeSent(this, bytes)) {
      connection.sendData(this, frame, end);
      this.partner?.sentOn(bytes);
      return;
    }
    this.write(frame.bytes.subarray(frame.from + FRAME_HEAD_BYTES, frame.to), end);
  }

  /** Content, kept until it may be sent. */
  write(content: Buffer, end: boolean): void {
    // A small piece must not keep the whole of what was read with it.
    const kept = content.length * 2 < content.buffer.byteLength ? Buffer.from(content) : content;
    if (kept.length > 0) {
      this.#queue ??= [];
      this.#queue.push(kept);
      this.#queuedBytes += kept.length;
      this.partner?.connection?.hold(kept.length);
    }
    if (end) this.#ending = "end";
    this.connection?.pump(this);
  }

  /** Trailers end the stream behind all content. */
  writeTrailers(fields: readonly Field[]): void {
    this.#ending = fields;
    this.connection?.pump(this);
  }

  /** Sends one frame of what waits; false when nothing may be sent now. */
  sendNext(connection: Connection): boolean {
    const queue = this.#queue;
    const first = queue?.[0];
    if (queue === undefined || first === undefined) return this.#sendEnding(connection);
    const allowed = connection.allowance(this);
    if (allowed <= 0) return false;
    const content = first.length > allowed ? first.subarray(0, allowed) : first;
    if (content === first) queue.shift();
    else queue[0] = first.subarray(allowed);
    this.#queuedBytes -= content.length;
    const end = queue.length === 0 && this.#ending === "end";
    if (end) this.#ending = "none";
    connection.sendContent(this, content, end);
    const source = this.partner;
    source?.connection?.release(content.length);
    source?.sentOn(content.length);
    return true;
  }

  /** What the peer sent on this side has left on the other. */
  sentOn(bytes: number): void {
    this.#receiveWindow.earn(bytes);
    if (!this.remoteEnded) this.connection?.credit(this.id, this.#receiveWindow);
  }

  /** Nothing more is sent here: what waits is thrown away. */
  discard(): void {
    if (this.#queuedBytes > 0) this.partner?.connection?.release(this.#queuedBytes);
    this.#queue = undefined;
    this.#queuedBytes = 0;
    this.#ending = "none";
  }

  #sendEnding(connection: Connection): boolean {
    const ending = this.#ending;
    if (ending === "none") return false;
    this.#ending = "none";
    if (ending === "end") connection.sendContent(this, EMPTY, true);
    else connection.sendHeaders(this, ending, true);
    return true;
  }
}

const EMPTY = Buffer.alloc(0);
