/** One attempt to connect, which may be given away or given up while it is still under way. */
import { DIAL_MS_MAX, DIAL_RETRY_MS } from "../../core/limits.ts";
import { type Attempt, connect, type Opened } from "./connect.ts";
import type { EventLoop } from "./event-loop.ts";
import { eventLoop } from "./process-loop.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { DISCARD, Wire } from "./wire.ts";

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** A refused dial is repeated this long: an application that is being restarted is about to listen again. */
  readonly patienceMs?: number;
  /** Given up after so long; default: DIAL_MS_MAX. */
  readonly dialMs?: number | undefined;
}

export function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.address === other.address;
}

/** For maps. */
export function endpointKey({ address, port }: Endpoint): string {
  return `${address}|${port}`;
}

/** Called once, as soon as the outcome is known; the callee must set the wire's owner. */
export type Dialled = (outcome: Wire | Error) => void;

export class Dial {
  readonly endpoint: Endpoint;
  #outcome: Wire | Error | undefined;
  #listener: Dialled | undefined;
  #abandoned = false;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #patientUntil: number;
  #attempt: Attempt | undefined;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.#patientUntil = performance.now() + (endpoint.patienceMs ?? 0);
    this.#timer = setTimeout(() => this.#settle(new Error("Timed out")), endpoint.dialMs ?? DIAL_MS_MAX);
    this.#connect();
  }

  get outcome(): Wire | Error | undefined {
    return this.#outcome;
  }

  /** At once when the outcome is known already. A later listener replaces an earlier one. */
  whenSettled(listener: Dialled): void {
    if (this.#outcome === undefined) this.#listener = listener;
    else listener(this.#outcome);
  }

  /** Closes the connection, or ends the attempt. */
  abandon(): void {
    this.#abandoned = true;
    this.#listener = undefined;
    clearTimeout(this.#timer);
    this.#attempt?.abandon();
    if (!(this.#outcome instanceof Wire)) return;
    this.#outcome.owner = DISCARD;
    this.#outcome.close();
  }

  #connect(): void {
    const loop = eventLoop();
    this.#attempt = connect(loop, this.endpoint, (outcome) => {
      if (outcome instanceof Error) this.#failed(outcome);
      else this.#settle(wireOf(loop, outcome));
    });
  }

  #failed(error: Error): void {
    if (this.#outcome !== undefined || this.#abandoned) return;
    if (performance.now() >= this.#patientUntil) return this.#settle(error);
    setTimeout(() => {
      if (this.#outcome === undefined && !this.#abandoned) this.#connect();
    }, DIAL_RETRY_MS);
  }

  #settle(outcome: Wire | Error): void {
    if (this.#outcome !== undefined || this.#abandoned) return;
    this.#outcome = outcome;
    clearTimeout(this.#timer);
    if (outcome instanceof Error) this.#attempt?.abandon();
    this.#listener?.(outcome);
    this.#listener = undefined;
  }
}

function wireOf(loop: EventLoop, { descriptor, events }: Opened): Wire {
  const socket = new TcpSocket(loop, descriptor);
  loop.hand(descriptor, socket);
  socket.begin(events);
  return socket.wire;
}
