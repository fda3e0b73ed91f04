/**
 * Which of our sockets are ready, and each in its turn. It runs within Bun's loop, which calls it when something is; while
 * traffic flows it waits by itself, for a moment, and hands back to Bun in between, whose timers and sockets go on.
 *
 * Invariant: a socket is told once of each change (edge-triggered), so whoever does not read on at once asks for a turn.
 */
import { drainMicrotasks } from "bun:jsc";
import { EVENTS_MAX, LOOP_IDLE_MS, LOOP_TURN_MS } from "../../core/limits.ts";
import { type BunLoop, watchInBunLoop } from "./bun-loop.ts";
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EVENT_DATA_WORD,
  EVENT_WORDS,
  type Libc,
  openLibc,
  systemError,
} from "./libc.ts";
import { ReadBuffer } from "./read-buffer.ts";

export interface Watched {
  /** `events` as of epoll_wait(2). */
  readonly ready: (events: number) => void;
  /** It has thrown: nobody knows in what state it is. */
  readonly fault?: () => void;
}

export interface TakesTurns extends Watched {
  /** Asked for with `later` or `behind`. */
  readonly turn: () => void;
}

export class EventLoop {
  readonly libc: Libc = openLibc();
  readonly input = new ReadBuffer();
  readonly #epoll: number;
  readonly #events = new Int32Array(new ArrayBuffer(4 * EVENT_WORDS * EVENTS_MAX));
  readonly #control = new Int32Array(new ArrayBuffer(4 * EVENT_WORDS));
  /** By descriptor. */
  readonly #watched: (Watched | undefined)[] = [];
  /** How often a descriptor's number has been given away: what was told of its predecessor is not for it. */
  readonly #generations: number[] = [];
  #count = 0;
  #waiting: TakesTurns[] = [];
  readonly #behind: TakesTurns[] = [];
  #idleMs = LOOP_IDLE_MS;
  #running = false;
  #called = false;
  #bun: BunLoop | undefined;

  constructor() {
    this.#epoll = this.libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw systemError("epoll_create1", this.libc.errno());
    void this.#join();
  }

  /** @throws Error when the kernel refuses */
  watch(descriptor: number, events: number, watched: Watched): void {
    this.#generations[descriptor] = ((this.#generations[descriptor] ?? 0) + 1) | 0;
    this.#tell(EPOLL_CTL_ADD, descriptor, events);
    this.#watched[descriptor] = watched;
    this.#count += 1;
    if (this.#count === 1) this.#bun?.hold(true);
  }

  /** Whom it belongs to from now on. */
  hand(descriptor: number, watched: Watched): void {
    this.#watched[descriptor] = watched;
  }

  /** For what else it is watched from now on. */
  change(descriptor: number, events: number): void {
    this.#tell(EPOLL_CTL_MOD, descriptor, events);
  }

  /** Before it is closed, by which the kernel forgets it as well. */
  forget(descriptor: number): void {
    if (this.#watched[descriptor] === undefined) return;
    this.#watched[descriptor] = undefined;
    this.#count -= 1;
    if (this.#count === 0) this.#bun?.hold(false);
  }

  /** A turn once all that are ready have had theirs. The caller asks for one at a time. */
  later(watched: TakesTurns): void {
    this.#waiting.push(watched);
    this.#call();
  }

  /** The same for those that bring much: one of them with each round, so that the others wait for no more than that. */
  behind(watched: TakesTurns): void {
    this.#behind.push(watched);
    this.#call();
  }

  /** Bun's sockets carry traffic of this process as well: waiting here would hold that up. */
  share(): void {
    this.#idleMs = 0;
  }

  async #join(): Promise<void> {
    this.#bun = await watchInBunLoop(this.libc, this.#epoll, () => this.#run());
    this.#bun.hold(this.#count > 0);
  }

  #tell(operation: number, descriptor: number, events: number): void {
    this.#control[0] = events;
    this.#control[EVENT_DATA_WORD] = descriptor;
    this.#control[EVENT_DATA_WORD + 1] = this.#generations[descriptor] ?? 0;
    if (this.libc.epoll_ctl(this.#epoll, operation, descriptor, this.#control) !== 0)
      throw systemError("epoll_ctl", this.libc.errno());
  }

  /** Where nobody else would: what waits is known to no kernel. */
  #call(): void {
    if (this.#running || this.#called) return;
    this.#called = true;
    setImmediate(() => {
      this.#called = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      const end = performance.now() + LOOP_TURN_MS;
      do {
        const told = this.libc.epoll_wait(this.#epoll, this.#events, EVENTS_MAX, this.#hasWaiting() ? 0 : this.#idleMs);
        for (let i = 0; i < told; i += 1) this.#dispatch(i * EVENT_WORDS);
        if (told <= 0 && !this.#hasWaiting()) return;
        this.#takeTurns();
        drainMicrotasks();
      } while (performance.now() < end);
    } finally {
      this.#running = false;
      if (this.#hasWaiting()) this.#call();
    }
  }

  #hasWaiting(): boolean {
    return this.#waiting.length > 0 || this.#behind.length > 0;
  }

  #dispatch(at: number): void {
    const descriptor = this.#events[at + EVENT_DATA_WORD] ?? -1;
    if (this.#events[at + EVENT_DATA_WORD + 1] !== this.#generations[descriptor]) return;
    const watched = this.#watched[descriptor];
    if (watched === undefined) return;
    try {
      watched.ready(this.#events[at] ?? 0);
    } catch (error) {
      report(error, watched);
    }
  }

  #takeTurns(): void {
    if (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const watched of waiting) takeTurn(watched);
    }
    const last = this.#behind.shift();
    if (last !== undefined) takeTurn(last);
  }
}

function takeTurn(watched: TakesTurns): void {
  try {
    watched.turn();
  } catch (error) {
    report(error, watched);
  }
}

/** As an uncaught exception, which it is; the others that are ready are told no second time, so they go on. */
function report(error: unknown, watched: Watched): void {
  setImmediate(() => {
    throw error;
  });
  watched.fault?.();
}
