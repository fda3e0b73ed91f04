/** The process that holds the sidecars' feeds, and what it last reported. */
import { join } from "node:path";
import { asArray, asNumber, at, parseJson } from "../../core/parse.ts";
import { readLines } from "../../core/wire/lines.ts";
import type { Seen, Totals } from "./clients.ts";

export interface Order {
  readonly address: string;
  readonly port: number;
  readonly serverName: string;
  readonly ca: string;
  /** One client each. */
  readonly tokens: readonly string[];
}

export interface Report {
  readonly totals: Totals;
  readonly seen: readonly Seen[];
}

export interface Clients {
  readonly last: () => Report;
  /** Resolves with the first report that the condition holds for; rejects after `ms`. */
  readonly until: (condition: (report: Report) => boolean, ms: number) => Promise<Report>;
  readonly stop: () => void;
}

const LINE_BYTES_MAX = 16 * 1024 * 1024;
const LOOK_MS = 20;

/** @param enter the command that runs another in the node's network */
export function startClients(enter: readonly string[], order: Order): Clients {
  const child = Bun.spawn([...enter, process.execPath, join(import.meta.dir, "clients.ts")], {
    stdin: new Blob([`${JSON.stringify(order)}\n`]),
    stdout: "pipe",
    stderr: "inherit",
  });
  let last: Report = { totals: { snapshots: 0, snapshotBytes: 0, changeBytes: 0 }, seen: [] };
  void (async () => {
    for await (const line of readLines(child.stdout, LINE_BYTES_MAX)) last = parseReport(line);
  })();
  return {
    last: () => last,
    until: async (condition, ms) => {
      const limit = performance.now() + ms;
      while (!condition(last)) {
        if (performance.now() > limit) throw new Error(`The clients are late: ${JSON.stringify(last.totals)}`);
        await Bun.sleep(LOOK_MS);
      }
      return last;
    },
    stop: () => child.kill("SIGKILL"),
  };
}

function parseReport(line: string): Report {
  const value = parseJson(line, { code: "API_FAILED", path: "stdout" });
  const number = (from: unknown, key: string): number => asNumber(at(from, key)) ?? 0;
  const totals = at(value, "totals");
  return {
    totals: {
      snapshots: number(totals, "snapshots"),
      snapshotBytes: number(totals, "snapshotBytes"),
      changeBytes: number(totals, "changeBytes"),
    },
    seen: asArray(at(value, "seen")).map((one) => ({
      marker: number(one, "marker"),
      count: number(one, "count"),
      last: number(one, "last"),
    })),
  };
}
