/** The shape of every benchmark's result, and how it is written. */
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

export interface Row {
  readonly suite: string;
  readonly name: string;
  /** Median, or the quantile that the name says. */
  readonly value: number;
  /** `%`: of one core. */
  readonly unit: "ms" | "s" | "MB" | "MB/s" | "%";
  /** Interquartile range of the values. */
  readonly spread: number;
  /** Median of what it is compared with in the same run; null where there is nothing to compare. */
  readonly against: number | null;
  /** `value / against`. */
  readonly ratio: number | null;
  /** Most that `value` (for a difference `value - against`, for a ratio `ratio`) may be, or least for speeds; null: no target. */
  readonly target: number | null;
  readonly ok: boolean | null;
}

export interface Measurement {
  readonly suite: string;
  readonly name: string;
  readonly unit: Row["unit"];
  readonly values: readonly number[];
  /** Values of the peer, measured in turns with ours. */
  readonly against?: readonly number[];
  /** Default 0.5. */
  readonly quantile?: number;
  readonly target?: number;
  /** What the target bounds: the value itself, what it adds to the peer's, or its share of the peer's, also from below. */
  readonly bounds?: "value" | "difference" | "ratio" | "least ratio";
}

export function rowOf(measurement: Measurement): Row {
  const fraction = measurement.quantile ?? 0.5;
  const value = quantile(measurement.values, fraction);
  const against = measurement.against === undefined ? null : quantile(measurement.against, fraction);
  const bounded = boundedBy(measurement.bounds ?? "value", value, against);
  const target = measurement.target ?? null;
  return {
    suite: measurement.suite,
    name: measurement.name,
    value: round(value),
    unit: measurement.unit,
    spread: round(quantile(measurement.values, 0.75) - quantile(measurement.values, 0.25)),
    against: against === null ? null : round(against),
    ratio: against === null || against === 0 ? null : round(value / against),
    target,
    ok: target === null ? null : measurement.bounds === "least ratio" ? bounded >= target : bounded <= target,
  };
}

function boundedBy(bounds: NonNullable<Measurement["bounds"]>, value: number, against: number | null): number {
  if (against === null || bounds === "value") return value;
  return bounds === "difference" ? value - against : value / against;
}

export async function writeReport(name: string, rows: readonly Row[]): Promise<void> {
  const commit = Bun.spawnSync(["git", "describe", "--always", "--dirty"]).stdout.toString().trim();
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
  const file = join(import.meta.dir, `results/${name}.json`);
  await Bun.write(file, `${JSON.stringify({ machine, commit, rows }, undefined, 2)}\n`);
}

export function printRow(row: Row): void {
  const ratio = row.unit === "MB/s" ? `, ratio ${row.ratio}` : "";
  const compared = row.against === null ? "" : ` against ${row.against} ${row.unit}${ratio}`;
  const target = row.target === null ? "" : ` (target ${row.target}: ${row.ok === true ? "met" : "MISSED"})`;
  console.log(`${row.suite}: ${row.name}: ${row.value} ${row.unit} ± ${row.spread}${compared}${target}`);
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
