/** How long a small request takes while large transfers fill the same proxy. */
import { quantile } from "../report.ts";
import { type LoadResult, wrk } from "./load.ts";
import { type Proxy, REQUEST_HEADER } from "./proxies.ts";
import { pathOf } from "./servers.ts";

export const FAIRNESS_NAME = "Fairness, 1 kB on one connection beside 16 transfers of 10 MB";
/** Of the sidecar's 99th percentile to haproxy's. */
export const FAIRNESS_RATIO_MAX = 2;
const TRANSFERS = 16;
/** The transfers run before the small requests begin, and after they end. */
const LEAD_SECONDS = 1;

export interface FairnessRound {
  readonly small: LoadResult;
  readonly bulk: LoadResult;
}

export interface FairnessResult {
  readonly name: string;
  /** Medians of the rounds: milliseconds of the small requests, large transfers each second. */
  readonly lanes: Readonly<
    Record<string, { readonly p50: number; readonly p99: number; readonly bulkPerSecond: number }>
  >;
  /** The sidecar's p99 to haproxy's. */
  readonly ratio: number;
  readonly ok: boolean;
}

export async function fairnessRound({ pooled, own }: Proxy, seconds: number): Promise<FairnessRound> {
  const url = pooled ?? own ?? "";
  const headers = [REQUEST_HEADER];
  const bulk = wrk({
    url: `${url}${pathOf("10 MB")}`,
    connections: TRANSFERS,
    seconds: seconds + 2 * LEAD_SECONDS,
    headers,
  });
  await Bun.sleep(LEAD_SECONDS * 1000);
  const small = await wrk({ url: `${url}${pathOf("1 kB")}`, connections: 1, seconds, headers });
  return { small, bulk: await bulk };
}

export function fairnessOf(
  rounds: ReadonlyMap<string, readonly FairnessRound[]>,
  { ours, base }: { readonly ours: string; readonly base: string },
): FairnessResult {
  const lanes = Object.fromEntries(
    [...rounds].map(([name, all]) => {
      const median = (of: (one: FairnessRound) => number): number => Math.round(quantile(all.map(of), 0.5) * 100) / 100;
      const small = (key: "p50" | "p99"): number => median((one) => one.small[key] / 1000);
      const bulkPerSecond = median(({ bulk }) => bulk.requests / bulk.seconds);
      return [name, { p50: small("p50"), p99: small("p99"), bulkPerSecond }];
    }),
  );
  const ratio = Math.round(((lanes[ours]?.p99 ?? Number.NaN) / (lanes[base]?.p99 ?? Number.NaN)) * 100) / 100;
  return { name: FAIRNESS_NAME, lanes, ratio, ok: ratio <= FAIRNESS_RATIO_MAX };
}

export function printFairness({ name, lanes, ratio, ok }: FairnessResult): void {
  console.log(`\n${name}: p99 ${ratio} of haproxy's (target ${FAIRNESS_RATIO_MAX}: ${ok ? "met" : "MISSED"})`);
  for (const [label, { p50, p99, bulkPerSecond }] of Object.entries(lanes))
    console.log(`  ${label.padEnd(14)}p50 ${p50} ms, p99 ${p99} ms, ${bulkPerSecond} transfers/s`);
}
