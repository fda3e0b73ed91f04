/** One forwarded connection to a port of a pod, over one WebSocket. */
import { AzdsError } from "../errors.ts";
import { type Clock, systemClock } from "../host/clock.ts";
import { FORWARD_MESSAGE_BYTES_MAX } from "../limits.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { keepAlive } from "./keep-alive.ts";
import { podPath, withQuery } from "./paths.ts";
import { type RawWebSocket, openWebSocket } from "./raw-websocket.ts";
import { type KubeConnection, KubeError } from "./types.ts";

export interface PortForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Aborts the opening, and the connection once it is open. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

const PROTOCOL = "v4.channel.k8s.io";
const CHANNEL = { data: 0, error: 1 } as const;
/** The first message of each channel holds only the port number. */
const PORT_BYTES = 2;

/**
 * The connection to `port`. It opens before the port is dialled, so a refused dial shows in the first read, as
 * CONNECTION_LOST with the kubelet's words. There is no half-close: `end` only stops writing and the application does
 * not see it, so protocols that need an end carry it themselves, and `abort` closes. A deleted pod ends the stream
 * without any error.
 * @throws KubeError when the API server refuses, AzdsError CLUSTER_UNREACHABLE, CONNECTION_LOST where the pod is not
 *   there, the signal's reason after its abort
 */
export async function openPortForward(connection: KubeConnection, target: PortForwardTarget): Promise<ByteStream> {
  const path = withQuery(`${podPath(target.namespace, target.pod)}/portforward`, { ports: target.port });
  const { signal } = target;
  const socket = await openWebSocket(connection, {
    path,
    protocols: [PROTOCOL],
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    throw isAbsence(error) ? gone(target.pod, error) : error;
  });
  if (socket.protocol !== PROTOCOL) {
    socket.abort();
    throw new AzdsError("PROTOCOL", `The API server does not speak \`${PROTOCOL}\``);
  }
  const forward = new Forward(socket, target.clock ?? systemClock);
  const onAbort = (): void => forward.stream.abort(asError(signal?.reason));
  signal?.addEventListener("abort", onAbort, { once: true });
  void forward.over.then(() => signal?.removeEventListener("abort", onAbort));
  if (signal?.aborted === true) onAbort();
  return forward.stream;
}

/** The API server's word for a pod that was deleted, and that of a kubelet which has not seen its pods since its start. */
function isAbsence(error: unknown): error is KubeError {
  return error instanceof KubeError && error.status === 404;
}

function gone(pod: string, cause: KubeError): AzdsError {
  return new AzdsError("CONNECTION_LOST", `Pod \`${pod}\` cannot be reached: ${cause.message}`, { cause });
}

class Forward {
  readonly stream: ByteStream = {
    read: () => this.#read(),
    write: (bytes) => this.#write(bytes),
    end: () => {
      this.#ended = true;
      return Promise.resolve();
    },
    abort: (reason) => {
      this.#finish();
      this.#socket.abort(reason);
    },
  };
  readonly over: Promise<void>;
  readonly #over = Promise.withResolvers<void>();
  readonly #socket: RawWebSocket;
  readonly #stop = new AbortController();
  readonly #announced = new Set<number>();
  #ended = false;

  constructor(socket: RawWebSocket, clock: Clock) {
    this.#socket = socket;
    this.over = this.#over.promise;
    // The next read or write tells that the connection is gone.
    keepAlive(socket, clock, this.#stop.signal).catch(() => {});
  }

  async #read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const message = await this.#socket.read().catch((error: unknown) => {
        this.stream.abort();
        throw error;
      });
      if (message === undefined) {
        this.stream.abort();
        return undefined;
      }
      const payload = this.#payload(message);
      if (payload.length === 0) continue;
      if (message[0] === CHANNEL.data) return payload;
      throw this.#refused(new TextDecoder().decode(payload));
    }
  }

  #payload(message: Uint8Array): Uint8Array {
    const channel = message[0] ?? CHANNEL.data;
    if (this.#announced.has(channel)) return message.subarray(1);
    this.#announced.add(channel);
    return message.subarray(1 + PORT_BYTES);
  }

  #refused(text: string): AzdsError {
    const error = new AzdsError("CONNECTION_LOST", `The port-forward broke: ${text.trim()}`);
    this.stream.abort(error);
    return error;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#ended) throw new Error("A stream takes no bytes after its end");
    for (let at = 0; at < bytes.length; at += FORWARD_MESSAGE_BYTES_MAX) {
      const part = bytes.subarray(at, at + FORWARD_MESSAGE_BYTES_MAX);
      const message = new Uint8Array(1 + part.length);
      message[0] = CHANNEL.data;
      message.set(part, 1);
      await this.#socket.send(message);
    }
  }

  #finish(): void {
    this.#stop.abort();
    this.#over.resolve();
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("Aborted");
}
