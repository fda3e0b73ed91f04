/** From the rounds of a row to medians, ratios and a table. */
import { cpus, loadavg, totalmem } from "node:os";
import { quantile } from "../report.ts";
import { OURS } from "./proxies.ts";

/** One round of one lane. */
export interface Round {
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** User and system time of the proxy, in microseconds for each request. */
  readonly cpu: number;
  readonly errors: number;
}

const METRICS = ["requestsPerSecond", "p50", "p99", "cpu"] as const;
type Metric = (typeof METRICS)[number];

interface Summary {
  readonly median: number;
  /** Interquartile range. */
  readonly spread: number;
}

export interface LaneResult extends Readonly<Record<Metric, Summary>> {
  readonly errors: number;
}

export interface RowResult {
  readonly name: string;
  readonly lanes: Readonly<Record<string, LaneResult>>;
  /** Ours to the better of nginx and haproxy. */
  readonly ratios: Readonly<Record<Metric, number>>;
}

export interface MemoryResult {
  readonly name: string;
  /** Largest resident set seen, in megabytes, with all processes of the proxy. */
  readonly lanes: Readonly<Record<string, number>>;
  readonly target: number;
  readonly ok: boolean;
}

export const RATIO_ROW_MAX = 1.15;
export const RATIO_MEAN_MAX = 1;

export function resultOf(
  name: string,
  rounds: ReadonlyMap<string, readonly Round[]>,
  bases: readonly string[],
): RowResult {
  const lanes = Object.fromEntries([...rounds].map(([label, all]) => [label, laneResult(all)]));
  const ours = lanes[OURS];
  const ratio = (metric: Metric): number => {
    const peers = bases.flatMap((base) => lanes[base]?.[metric].median ?? []);
    const better = metric === "requestsPerSecond" ? Math.max(...peers) : Math.min(...peers);
    return round((ours?.[metric].median ?? Number.NaN) / better);
  };
  return {
    name,
    lanes,
    ratios: { requestsPerSecond: ratio("requestsPerSecond"), p50: ratio("p50"), p99: ratio("p99"), cpu: ratio("cpu") },
  };
}

function laneResult(rounds: readonly Round[]): LaneResult {
  const summary = (metric: Metric): Summary => {
    const values = rounds.map((one) => one[metric]);
    return { median: round(quantile(values, 0.5)), spread: round(quantile(values, 0.75) - quantile(values, 0.25)) };
  };
  return {
    requestsPerSecond: summary("requestsPerSecond"),
    p50: summary("p50"),
    p99: summary("p99"),
    cpu: summary("cpu"),
    errors: rounds.reduce((sum, one) => sum + one.errors, 0),
  };
}

export interface Verdict {
  readonly geometricMean: { readonly cpu: number; readonly p99: number };
  /** Rows whose CPU or p99 is above RATIO_ROW_MAX. */
  readonly above: readonly string[];
  readonly ok: boolean;
}

export function verdictOf(rows: readonly RowResult[]): Verdict {
  const mean = (metric: Metric): number =>
    round(Math.exp(rows.reduce((sum, row) => sum + Math.log(row.ratios[metric]), 0) / rows.length));
  const geometricMean = { cpu: mean("cpu"), p99: mean("p99") };
  const above = rows.flatMap(({ name, ratios }) => {
    const high = (["cpu", "p99"] as const).filter((metric) => ratios[metric] > RATIO_ROW_MAX);
    return high.map((metric) => `${name}: ${metric} ${ratios[metric]}`);
  });
  const ok = above.length === 0 && Math.max(geometricMean.cpu, geometricMean.p99) <= RATIO_MEAN_MAX;
  return { geometricMean, above, ok };
}

/** What the figures depend on beside the code. */
export function surroundings(): object {
  const git = (...words: readonly string[]): string =>
    Bun.spawnSync(["git", ...words], { cwd: import.meta.dir })
      .stdout.toString()
      .trim();
  return {
    commit: git("describe", "--always", "--dirty"),
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: Bun.spawnSync(["uname", "-r"]).stdout.toString().trim(),
    },
    loadAtStart: loadavg().map((value) => Math.round(value * 10) / 10),
  };
}

export function printRowResult({ name, lanes, ratios }: RowResult): void {
  console.log(
    `\n${name}: CPU ${ratios.cpu}, p99 ${ratios.p99}, p50 ${ratios.p50}, requests/s ${ratios.requestsPerSecond} of the better of nginx and haproxy`,
  );
  for (const [label, lane] of Object.entries(lanes)) {
    const cells = METRICS.map((metric) => `${lane[metric].median} ± ${lane[metric].spread}`.padStart(18));
    const errors = lane.errors === 0 ? "" : `  ${lane.errors} errors`;
    console.log(`  ${label.padEnd(14)}${cells.join("")}${errors}`);
  }
}

export function printHeading(): void {
  const names = ["requests/s", "p50 ms", "p99 ms", "CPU µs/request"];
  console.log(`${" ".repeat(16)}${names.map((name) => name.padStart(18)).join("")}`);
}

export function printVerdict({ geometricMean, above, ok }: Verdict): void {
  console.log(
    `\nGeometric mean of the ratios: CPU ${geometricMean.cpu}, p99 ${geometricMean.p99} (target ${RATIO_MEAN_MAX})`,
  );
  console.log(
    above.length === 0 ? `No row above ${RATIO_ROW_MAX}` : `Above ${RATIO_ROW_MAX}:\n  ${above.join("\n  ")}`,
  );
  console.log(ok ? "Targets met" : "Targets MISSED");
}

/** Three significant digits, no fewer than the whole number. */
function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
