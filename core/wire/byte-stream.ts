/**
 * A reliable two-way stream of bytes with half-close and back-pressure, whatever carries it: a socket, a TLS
 * connection, a port-forward, or one stream of a multiplexed connection.
 */
export interface ByteStream {
  /** Resolves when more may be written: back-pressure is the caller's to obey. Rejects when the stream is broken. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Ends our side; the peer reads the end after all bytes. */
  readonly end: () => Promise<void>;
  /** The next bytes, or `undefined` after the peer's end. Rejects when the stream is broken. One reader at a time. */
  readonly read: () => Promise<Uint8Array | undefined>;
  /** Breaks both directions at once; the peer sees an error where the carrier can tell it. */
  readonly abort: (reason?: Error) => void;
}

/** All that comes until the peer's end, for one reader. */
export async function* bytesOf(stream: Pick<ByteStream, "read">): AsyncGenerator<Uint8Array, void, undefined> {
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) yield bytes;
}
