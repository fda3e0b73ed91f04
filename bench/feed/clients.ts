/**
 * Many sidecars' feeds in one process, each on a TLS connection of its own and with the sidecar's own code. Runs in a
 * node's network namespace; told what to do on its standard input, tells on its standard output, a JSON value a line.
 */
import type { FeedMessage } from "../../core/route-table.ts";
import { systemClock } from "../../core/host/clock.ts";
import { followFeed } from "../../proxy/routing/feed.ts";
import { asNumber, asString, asArray, at, parseJson } from "../../core/parse.ts";
import { readLines } from "../../core/wire/lines.ts";

/** What a client of the feed knew of a change, in milliseconds of the wall clock. */
export interface Seen {
  readonly marker: number;
  readonly count: number;
  readonly last: number;
}

/** Snapshots received so far, and their bytes and those of all changes. */
export interface Totals {
  readonly snapshots: number;
  readonly snapshotBytes: number;
  readonly changeBytes: number;
}

const LINE_BYTES_MAX = 64 * 1024 * 1024;
const REPORT_MS = 100;
/** Connections are begun in such groups: a rollout does not start every pod of a team in one millisecond. */
const GROUP = 50;
const GROUP_MS = 20;

const seen = new Map<number, { count: number; last: number }>();
let totals: Totals = { snapshots: 0, snapshotBytes: 0, changeBytes: 0 };

function heard(message: FeedMessage, measured: boolean): void {
  if (message.type === "snapshot") {
    const bytes = measured ? JSON.stringify(message).length + 1 : 0;
    totals = { ...totals, snapshots: totals.snapshots + 1, snapshotBytes: totals.snapshotBytes + bytes };
  } else if (message.type === "service") {
    totals = { ...totals, changeBytes: totals.changeBytes + JSON.stringify(message).length + 1 };
    const marker = message.service.ports[0]?.port ?? 0;
    const known = seen.get(marker);
    seen.set(marker, { count: (known?.count ?? 0) + 1, last: performance.timeOrigin + performance.now() });
  }
}

const order: unknown = await firstLine();
const controller = {
  address: asString(at(order, "address")) ?? "",
  port: asNumber(at(order, "port")) ?? 0,
  serverName: asString(at(order, "serverName")) ?? "",
};
const tokens = asArray(at(order, "tokens")).map((token) => asString(token) ?? "");
const forever = new AbortController().signal;
setInterval(() => {
  const report = [...seen].map(([marker, { count, last }]): Seen => ({ marker, count, last }));
  console.log(JSON.stringify({ totals, seen: report }));
}, REPORT_MS);
for (const [index, token] of tokens.entries()) {
  void followFeed({
    controller,
    ca: asString(at(order, "ca")) ?? "",
    token: () => Promise.resolve(token),
    apply: (message) => {
      heard(message, index === 0);
      return true;
    },
    clock: systemClock,
    log: () => undefined,
    signal: forever,
  });
  if (index % GROUP === GROUP - 1) await Bun.sleep(GROUP_MS);
}

async function firstLine(): Promise<unknown> {
  for await (const line of readLines(Bun.stdin.stream(), LINE_BYTES_MAX))
    return parseJson(line, { code: "API_FAILED", path: "stdin" });
  throw new Error("Nothing was ordered");
}
