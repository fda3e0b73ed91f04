/** The port of the traces and the route table, on loopback: whoever may forward ports of this pod may read them. */
import { TRACE_CLIENTS_MAX, TRACE_WISH_BYTES_MAX, TRACE_WISH_MS_MAX } from "../../core/limits.ts";
import type { FeedMessage } from "../../core/route-table.ts";
import { parseTraceWish, ROUTES_WISH, type TraceWish } from "../../core/trace.ts";
import { DISCARD, type Wire } from "../tcp/wire.ts";
import type { Secrets } from "./format-record.ts";
import type { Trace } from "./trace.ts";
import { TraceClient } from "./trace-client.ts";

const LF = 10;

export interface TracePort {
  readonly trace: Trace;
  /** The route table as it is now; `undefined` before there is one. */
  readonly routes: () => FeedMessage | undefined;
  readonly secrets: Secrets;
  /** Names this run of the worker. */
  readonly run: string;
}

/** Returns what takes connections. */
export function openTracePort(port: TracePort): (wire: Wire) => void {
  let clients = 0;
  return (wire) => {
    if (clients >= TRACE_CLIENTS_MAX) {
      wire.reset();
      return;
    }
    clients += 1;
    const closed = (): void => {
      clients -= 1;
    };
    readWish(wire, {
      wished: (wish) => new TraceClient({ ...port, wire, wish, closed }).start(),
      routes: () => tellRoutes(wire, { table: port.routes(), closed }),
      closed,
    });
  };
}

function tellRoutes(
  wire: Wire,
  { table, closed }: { readonly table: FeedMessage | undefined; readonly closed: () => void },
): void {
  wire.owner = { ...DISCARD, close: closed };
  if (table !== undefined) wire.write(Buffer.from(`${JSON.stringify(table)}\n`, "utf8"));
  wire.close();
}

interface WishReader {
  readonly wished: (wish: TraceWish) => void;
  readonly routes: () => void;
  /** The client went before it said anything. */
  readonly closed: () => void;
}

/** The first line; a client without one, as `nc` is, gets the default after a while. */
function readWish(wire: Wire, { wished, routes, closed }: WishReader): void {
  let input = Buffer.alloc(0);
  const begin = (line: string): void => {
    clearTimeout(timer);
    if (line.trim() === ROUTES_WISH) return routes();
    try {
      wished(parseTraceWish(line));
    } catch {
      wire.owner = { ...DISCARD, close: closed };
      wire.reset();
    }
  };
  const timer = setTimeout(() => begin(""), TRACE_WISH_MS_MAX);
  wire.owner = {
    ...DISCARD,
    data: (_wire, bytes) => {
      input = Buffer.concat([input, bytes]);
      const end = input.indexOf(LF);
      if (end >= 0) begin(input.toString("utf8", 0, end));
      else if (input.length > TRACE_WISH_BYTES_MAX) wire.reset();
    },
    close: () => {
      clearTimeout(timer);
      closed();
    },
  };
}
