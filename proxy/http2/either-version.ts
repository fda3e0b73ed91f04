/** A client that speaks HTTP of whichever version: HTTP/2 begins with its preface (RFC 9113 §3.3), all else is HTTP/1. */
import { type ExchangeStart, serveHttp } from "../http/exchange.ts";
import { beginsPreface, PREFACE } from "../http/preface.ts";
import { DISCARD, type Wire } from "../tcp/wire.ts";
import { serveHttp2 } from "./client-connection.ts";

/** Takes over the client's connection, before anything was read. */
export function serveEitherVersion(start: ExchangeStart): void {
  let input: Buffer = Buffer.alloc(0);
  start.client.owner = {
    ...DISCARD,
    data: (client: Wire, bytes: Buffer) => {
      input = input.length === 0 ? bytes : Buffer.concat([input, bytes]);
      if (!beginsPreface(input)) serveHttp({ ...start, client, input });
      else if (input.length >= PREFACE.length) serveHttp2({ ...start, client, input });
    },
  };
  start.client.resume();
}
