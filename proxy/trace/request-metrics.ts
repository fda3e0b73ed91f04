/** What ended exchanges add up to, by direction: for Prometheus' text format (version 0.0.4). */
import type { Direction } from "../../core/trace.ts";
import type { ExchangeRecord } from "./exchange-record.ts";

const DIRECTIONS: readonly Direction[] = ["in", "out", "enter"];
/** Upper bounds in milliseconds; the last bucket is all. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;
/** By the first digit of the status; 0: the exchange had no answer. */
const CLASSES = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

class Sums {
  readonly classes = new Float64Array(CLASSES.length);
  readonly buckets = new Float64Array(BOUNDS_MS.length + 1);
  requestBytes = 0;
  responseBytes = 0;
  seconds = 0;
}

export class RequestMetrics {
  readonly #sums: Readonly<Record<Direction, Sums>> = { in: new Sums(), out: new Sums(), enter: new Sums() };

  add({ direction, queueMs, status, begunAt, endedAt, requestBytes, responseBytes }: ExchangeRecord): void {
    const sums = this.#sums[direction];
    const ms = endedAt - begunAt + queueMs;
    increment(sums.classes, Math.min(Math.trunc(status / 100), CLASSES.length - 1));
    increment(sums.buckets, bucketOf(ms));
    sums.requestBytes += requestBytes;
    sums.responseBytes += responseBytes;
    sums.seconds += ms / 1000;
  }

  format(): string {
    const of = (line: (direction: Direction, sums: Sums) => readonly string[]): readonly string[] =>
      DIRECTIONS.flatMap((direction) => line(direction, this.#sums[direction]));
    return [
      ...head("requests_total", "counter", "HTTP exchanges that ended, by class of their status"),
      ...of((direction, { classes }) =>
        CLASSES.map((name, i) => sample("requests_total", { direction, class: name }, classes[i] ?? 0)),
      ),
      ...head("request_bytes_total", "counter", "Bytes of requests, heads included"),
      ...of((direction, sums) => [sample("request_bytes_total", { direction }, sums.requestBytes)]),
      ...head("response_bytes_total", "counter", "Bytes of responses, heads included"),
      ...of((direction, sums) => [sample("response_bytes_total", { direction }, sums.responseBytes)]),
      ...head("duration_seconds", "histogram", "From a request's head to the end of its exchange"),
      ...of(histogram),
      "",
    ].join("\n");
  }
}

function histogram(direction: Direction, { buckets, seconds }: Sums): readonly string[] {
  let count = 0;
  const lines = Array.from(buckets, (value, i) => {
    count += value;
    const bound = BOUNDS_MS[i];
    const le = bound === undefined ? "+Inf" : String(bound / 1000);
    return sample("duration_seconds_bucket", { direction, le }, count);
  });
  return [
    ...lines,
    sample("duration_seconds_sum", { direction }, seconds),
    sample("duration_seconds_count", { direction }, count),
  ];
}

function bucketOf(ms: number): number {
  let i = 0;
  while (i < BOUNDS_MS.length && ms > (BOUNDS_MS[i] ?? 0)) i += 1;
  return i;
}

function increment(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

function head(name: string, type: string, help: string): readonly string[] {
  return [`# HELP azds_proxy_http_${name} ${help}`, `# TYPE azds_proxy_http_${name} ${type}`];
}

function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
  return `azds_proxy_http_${name}{${list.join(",")}} ${value}`;
}
