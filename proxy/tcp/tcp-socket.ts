/** One TCP connection on our event loop: reads for its wire, writes what the kernel takes. */
import { TURN_BYTES } from "../../core/limits.ts";
import { DISCARD, Wire, type WireSocket } from "./wire.ts";
import type { EventLoop, TakesTurns } from "./event-loop.ts";
import {
  EAGAIN,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  MSG_NOSIGNAL,
  SHUT_WR,
  pendingError,
  SO_LINGER,
  SOL_SOCKET,
  systemError,
} from "./libc.ts";

export const SOCKET_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
const ENDS = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** `struct linger` that lets close(2) break the connection. */
const BREAK = new Int32Array(new ArrayBuffer(8));
BREAK[0] = 1;

export class TcpSocket implements WireSocket, TakesTurns {
  readonly wire = new Wire(this, DISCARD);
  readonly #descriptor: number;
  readonly #loop: EventLoop;
  readonly #closed: (() => void) | undefined;
  /** There may be something to read. */
  #readable = false;
  /** An end or error has been told of: reading goes on until it is found. */
  #ends = false;
  #paused = false;
  /** Nothing can be written until we are told. */
  #full = false;
  /** The peer has ended its side, and its end has been passed on. */
  #ended = false;
  #shut = false;
  #broken: Error | undefined;
  #gone = false;
  #waits = false;
  /** What it brought last was much: others go first. */
  #bulk = false;

  /**
   * To be watched for SOCKET_EVENTS by its maker.
   * @param closed called when the connection is gone, once
   */
  constructor(loop: EventLoop, descriptor: number, closed?: () => void) {
    this.#loop = loop;
    this.#descriptor = descriptor;
    this.#closed = closed;
  }

  /** With what was told of it before it was ours: read in its turn. */
  begin(events: number): void {
    if ((events & ENDS) !== 0) this.#ends = true;
    if ((events & (EPOLLIN | ENDS)) === 0) return;
    this.#readable = true;
    this.#wait();
  }

  ready(events: number): void {
    if (this.#gone) return;
    if ((events & ENDS) !== 0) this.#ends = true;
    if ((events & (EPOLLIN | ENDS)) !== 0) this.#readable = true;
    if ((events & EPOLLOUT) !== 0 && this.#full) {
      this.#full = false;
      this.wire.flush();
    }
    // Nobody reads on to find it, and the other side should know.
    if ((events & EPOLLERR) !== 0 && (this.#paused || this.#ended))
      this.#close(systemError("recv", pendingError(this.#loop.libc, this.#descriptor)));
    else if (this.#bulk) this.#waitToRead();
    else this.#read();
  }

  turn(): void {
    this.#waits = false;
    if (this.#isOver()) this.#close(this.#broken);
    else this.#read();
  }

  fault(): void {
    this.terminate();
  }

  write(bytes: Buffer): number {
    if (this.#gone || this.#broken !== undefined) return -1;
    if (this.#full || bytes.length === 0) return 0;
    const taken = this.#loop.libc.send(this.#descriptor, bytes, bytes.length, MSG_NOSIGNAL);
    if (taken < 0) return this.#notTaken();
    if (taken < bytes.length) this.#full = true;
    return taken;
  }

  shutdown(): void {
    if (this.#gone || this.#shut) return;
    this.#shut = true;
    this.#loop.libc.shutdown(this.#descriptor, SHUT_WR);
    if (this.#isOver()) this.#wait();
  }

  end(): void {
    this.#close(undefined);
  }

  terminate(): void {
    if (this.#gone) return;
    this.#loop.libc.setsockopt(this.#descriptor, SOL_SOCKET, SO_LINGER, BREAK, BREAK.byteLength);
    this.#close(undefined);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#waitToRead();
  }

  /** Once: other connections come next. */
  #read(): void {
    if (!this.#readable || this.#paused || this.#gone || this.#ended) return;
    const { input, libc } = this.#loop;
    const bytes = libc.recv(this.#descriptor, input.address, input.room, 0);
    if (bytes > 0) {
      // Less than there was room for is all there was; what comes next is told.
      if (bytes < input.room && !this.#ends) this.#readable = false;
      this.#bulk = bytes >= TURN_BYTES;
      const { owner } = this.wire;
      owner.data(this.wire, owner.borrows === true ? input.lend(bytes) : input.copy(bytes));
      input.reclaim(bytes);
    } else if (bytes === 0) this.#end();
    else this.#nothingRead(libc.errno());
    this.#waitToRead();
  }

  #nothingRead(errno: number): void {
    this.#readable = false;
    if (errno !== EAGAIN) this.#close(systemError("recv", errno));
    else if (this.#broken !== undefined) this.#close(this.#broken);
  }

  #end(): void {
    this.#readable = false;
    this.#ended = true;
    this.wire.owner.end(this.wire);
    if (this.#isOver()) this.#wait();
  }

  /** Nothing more comes, and nothing more can go. */
  #isOver(): boolean {
    return this.#ended && (this.#shut || this.#broken !== undefined);
  }

  /** What the peer has sent before it broke the connection is still read. */
  #notTaken(): number {
    const errno = this.#loop.libc.errno();
    if (errno === EAGAIN) {
      this.#full = true;
      return 0;
    }
    this.#broken = systemError("send", errno);
    this.#ends = true;
    this.#readable = true;
    this.#wait();
    return -1;
  }

  #waitToRead(): void {
    if (!this.#readable || this.#paused || this.#gone || this.#ended || this.#waits) return;
    if (!this.#bulk) return this.#wait();
    this.#waits = true;
    this.#loop.behind(this);
  }

  #wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#loop.later(this);
  }

  #close(error: Error | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#loop.forget(this.#descriptor);
    this.#loop.libc.close(this.#descriptor);
    this.#closed?.();
    this.wire.gone(error);
  }
}
