/** The messages of one exchange, kept for those who asked for them. */
import { TRACE_MESSAGE_BYTES_MAX, TRACE_TRAILERS_BYTES_MAX } from "../../core/limits.ts";
import type { MessageCapture, Trailers } from "../http/exchange-observer.ts";

/** The beginning of one message, head and body as they came, and its trailers, where they came by themselves. */
export class CapturedMessage {
  trailers: Trailers = [];
  readonly #parts: Buffer[] = [];
  #kept = 0;
  #cut = false;

  add(bytes: Buffer): void {
    const room = TRACE_MESSAGE_BYTES_MAX - this.#kept;
    if (bytes.length > room) this.#cut = true;
    if (room <= 0) return;
    // A copy: the memory belongs to the data path.
    const part = Buffer.from(bytes.subarray(0, room));
    this.#parts.push(part);
    this.#kept += part.length;
  }

  /** As many as there is room for. */
  end(trailers: Trailers): void {
    let room = TRACE_TRAILERS_BYTES_MAX;
    this.trailers = trailers.filter(({ name, value }) => {
      room -= name.length + value.length;
      return room >= 0;
    });
  }

  get cut(): boolean {
    return this.#cut;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export class Capture implements MessageCapture {
  #request = new CapturedMessage();
  readonly #response = new CapturedMessage();
  #holders = 1;
  readonly #released: () => void;

  /** @param released called when the last holder has let go */
  constructor(released: () => void) {
    this.#released = released;
  }

  get messages(): { readonly request: CapturedMessage; readonly response: CapturedMessage } {
    return { request: this.#request, response: this.#response };
  }

  /** The request is sent once more, from its beginning. */
  begin(): void {
    this.#request = new CapturedMessage();
  }

  request(bytes: Buffer): void {
    this.#request.add(bytes);
  }

  response(bytes: Buffer): void {
    this.#response.add(bytes);
  }

  requestTrailers(trailers: Trailers): void {
    this.#request.end(trailers);
  }

  responseTrailers(trailers: Trailers): void {
    this.#response.end(trailers);
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#released();
  }
}
