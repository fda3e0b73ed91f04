/** Bytes both ways, untouched, with back-pressure and half-close, until both connections are gone. */
import type { Wire, WireOwner } from "./wire.ts";

export interface RelayStart {
  readonly client: Wire;
  readonly upstream: Wire;
  /** Read from the client before the relay began. */
  readonly fromClient?: Buffer | undefined;
  readonly fromUpstream?: Buffer | undefined;
  /** The client has ended its side already. */
  readonly clientEnded?: boolean;
}

export function relay(start: RelayStart): void {
  const { client, upstream } = start;
  client.owner = relaySide(upstream);
  upstream.owner = relaySide(client);
  if (client.closed || upstream.closed) {
    client.reset();
    upstream.reset();
    return;
  }
  resumeUnless(start.fromClient !== undefined && !upstream.writeBorrowed(start.fromClient), client);
  resumeUnless(start.fromUpstream !== undefined && !client.writeBorrowed(start.fromUpstream), upstream);
  if (start.clientEnded === true) upstream.end();
}

function resumeUnless(backlogged: boolean, source: Wire): void {
  if (backlogged) source.pause();
  else source.resume();
}

function relaySide(other: Wire): WireOwner {
  return {
    borrows: true,
    data: (wire, bytes) => {
      if (other.closed) wire.reset();
      else if (!other.writeBorrowed(bytes)) wire.pause();
    },
    end: () => other.end(),
    drain: () => other.resume(),
    close: (_wire, error) => {
      // Without an error both directions were ended; what was read before still goes out.
      if (error === undefined) other.end();
      else other.reset();
    },
  };
}
