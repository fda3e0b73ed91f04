/** One attempt to connect, which may be given away or given up while it is still under way. */
import { DIAL_MS_MAX, DIAL_RETRY_MS } from "../../core/limits.ts";
import { DISCARD, Wire, WIRE_HANDLERS } from "./wire.ts";

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** A refused dial is repeated this long: an application that is being restarted is about to listen again. */
  readonly patienceMs?: number;
  /** Given up after so long; default: DIAL_MS_MAX. */
  readonly dialMs?: number | undefined;
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

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.#patientUntil = performance.now() + (endpoint.patienceMs ?? 0);
    this.#timer = setTimeout(() => this.#settle(new Error("Timed out")), endpoint.dialMs ?? DIAL_MS_MAX);
    void this.#connect();
  }

  get outcome(): Wire | Error | undefined {
    return this.#outcome;
  }

  /** At once when the outcome is known already. A later listener replaces an earlier one. */
  whenSettled(listener: Dialled): void {
    if (this.#outcome === undefined) this.#listener = listener;
    else listener(this.#outcome);
  }

  /** Closes the connection, now or as soon as it opens. */
  abandon(): void {
    this.#abandoned = true;
    this.#listener = undefined;
    clearTimeout(this.#timer);
    if (!(this.#outcome instanceof Wire)) return;
    this.#outcome.owner = DISCARD;
    this.#outcome.close();
  }

  async #connect(): Promise<void> {
    try {
      await Bun.connect<Wire>({
        hostname: this.endpoint.address,
        port: this.endpoint.port,
        allowHalfOpen: true,
        socket: {
          ...WIRE_HANDLERS,
          open: (socket) => {
            const wire = new Wire(socket, DISCARD);
            socket.data = wire;
            if (this.#abandoned || this.#outcome !== undefined) wire.reset();
            else this.#settle(wire);
          },
        },
      });
    } catch (error) {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #failed(error: Error): void {
    if (this.#outcome !== undefined || this.#abandoned) return;
    if (performance.now() >= this.#patientUntil) return this.#settle(error);
    setTimeout(() => {
      if (this.#outcome === undefined && !this.#abandoned) void this.#connect();
    }, DIAL_RETRY_MS);
  }

  #settle(outcome: Wire | Error): void {
    if (this.#outcome !== undefined || this.#abandoned) return;
    this.#outcome = outcome;
    clearTimeout(this.#timer);
    this.#listener?.(outcome);
    this.#listener = undefined;
  }
}
