/**
 * Whoever wants to know how one exchange went. The policy hands one in with its decision; framing reports steps, and
 * knows neither clock nor purpose. All calls are made on the data path: they must be cheap and must not throw.
 */
import type { Target } from "./upstreams.ts";

export interface ExchangeObserver {
  /** A connection to this target is there. Again for each further target, to which the request is sent from its beginning. */
  readonly connected: (target: Target) => void;
  /** The head of the final response (200 and above) or of 101 was read, or the proxy answers in the server's place. */
  readonly responded: (status: number) => void;
  /** The status of a gRPC call was read: of the trailers, or of a response that has nothing else. */
  readonly rpcEnded: (grpcStatus: number) => void;
  /** Called once. Sizes are in bytes on the wire, heads included; `complete` is false when the exchange broke off. */
  readonly ended: (sizes: ExchangeSizes, complete: boolean) => void;
  /** Set where somebody wants the messages themselves. */
  readonly capture?: MessageCapture | undefined;
}

export interface ExchangeSizes {
  readonly request: number;
  readonly response: number;
}

/**
 * Gets both messages as HTTP/1.1 writes them, heads first, as their bytes pass, whichever version they come by. The bytes
 * are good during the call only.
 */
export interface MessageCapture {
  readonly request: (bytes: Buffer) => void;
  readonly response: (bytes: Buffer) => void;
  /** Of HTTP/2; those of HTTP/1.1 stand in the bytes. */
  readonly requestTrailers: (trailers: Trailers) => void;
  readonly responseTrailers: (trailers: Trailers) => void;
}

export type Trailers = readonly { readonly name: string; readonly value: string }[];
