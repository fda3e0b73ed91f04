/**
 * `make bench-data-plane`: the sidecar beside nginx, haproxy, Caddy and Traefik, in turns on the same core of the same machine.
 * Needs root where Debian packages are missing, Go for the latter two, and some 30 minutes; `--quick` takes eight.
 * `--without caddy,traefik` leaves these out; `--rounds N` changes their number. Writes results/data-plane.json.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.ts";
import { inOrder } from "../../tests/cluster/run.ts";
import { SERVICE_IP, UPSTREAM_PORT } from "./places.ts";
import {
  FAIRNESS_NAME,
  fairnessOf,
  type FairnessResult,
  type FairnessRound,
  fairnessRound,
  printFairness,
} from "./fairness.ts";
import { checkAnswer, h2load, type Http2Load, isHttp2 } from "./http2.ts";
import { installPeers } from "./peers.ts";
import { cpuSecondsOf, type Program, residentMegabytesOf, startProgram } from "./processes.ts";
import { azds, caddy, haproxy, nginx, OURS, type Proxy, REQUEST_HEADER } from "./proxies.ts";
import { traefik } from "./traefik.ts";
import {
  type MemoryResult,
  printHeading,
  printRowResult,
  printVerdict,
  resultOf,
  type Round,
  type RowResult,
  surroundings,
  verdictOf,
} from "./report.ts";
import { type Lane, lanesOf, MEMORY_ROWS, nameOf, QUICK_ROWS, ROWS, type RowSpec } from "./rows.ts";
import { pathOf, SIZES, startUpstream, startWebSocketServer } from "./servers.ts";
import { startController } from "./world.ts";
import { type LoadResult, pingPong, wrk } from "./load.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    without: { type: "string", default: "" },
    rounds: { type: "string" },
    seconds: { type: "string", default: "1" },
    /** Only rows whose name contains this. */
    only: { type: "string", default: "" },
    output: { type: "string", default: join(import.meta.dir, "../results/data-plane.json") },
  },
});
const ROUNDS = Number(options.rounds ?? (options.quick ? 2 : 5));
const SECONDS = Number(options.seconds);
const MEMORY_SECONDS = 6;
/**
 * Of each row and lane, before anything of it is measured. The sidecar is compiled while it runs, on the core that it is
 * measured on; what its first seconds are like is a result of its own.
 */
const WARM_SECONDS = 3;
const FIRST_SECONDS = 15;
const MEMORY_LOOK_MS = 100;
/** What a start takes is over by then. */
const SETTLE_MS = 3000;
const READY_MS_MAX = 10_000;
const READY_LOOK_MS = 20;

const folder = mkdtempSync(join(tmpdir(), "azds-data-plane-"));
try {
  await run();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const around = surroundings();
  const peers = await installPeers(options.without.split(","));
  const executable = join(folder, "sidecar");
  await build({ entry: join(import.meta.dir, "sidecar.ts"), outfile: executable, metafile: join(folder, "meta.json") });
  const controller = await startController([
    { ip: SERVICE_IP.http, name: "http", hint: "http", target: UPSTREAM_PORT.http },
    { ip: SERVICE_IP.websocket, name: "websocket", hint: "http", target: UPSTREAM_PORT.websocket },
    { ip: SERVICE_IP.tcp, name: "tcp", hint: "opaque", target: UPSTREAM_PORT.http },
    { ip: SERVICE_IP.http2, name: "http2", hint: "http2", target: UPSTREAM_PORT.http2 },
  ]);
  const upstreams = [await startUpstream(folder), await startWebSocketServer()];
  const proxies = [
    azds({ executable, config: controller.config }),
    nginx(folder),
    haproxy(folder),
    ...(peers.built.caddy === undefined ? [] : [caddy(folder, peers.built.caddy)]),
    ...(peers.built.traefik === undefined ? [] : [traefik(folder, peers.built.traefik)]),
  ];
  try {
    const rows = await measureRows(proxies);
    const fairness = FAIRNESS_NAME.includes(options.only) ? await measureFairness(proxies) : undefined;
    const firstSeconds = await measureFirstSeconds(proxies);
    const memory = await measureMemory(proxies);
    const verdict = verdictOf(rows);
    printVerdict(verdict);
    const result = {
      ...around,
      rounds: ROUNDS,
      seconds: SECONDS,
      warmSeconds: WARM_SECONDS,
      versions: peers.versions,
      verdict,
      fairness,
      firstSeconds,
      memory,
      rows,
    };
    await Bun.write(options.output, `${JSON.stringify(result, undefined, 2)}\n`);
  } finally {
    await Promise.all(upstreams.map(async (upstream) => upstream.stop()));
    controller.stop();
  }
}

/** All proxies run throughout, those without load asleep. */
async function measureRows(proxies: readonly Proxy[]): Promise<readonly RowResult[]> {
  const specs = (options.quick ? QUICK_ROWS : ROWS).filter((spec) => nameOf(spec).includes(options.only));
  const running = await startAll(proxies);
  const rounds = specs.map((spec) => ({ spec, byLane: new Map<string, Round[]>() }));
  try {
    for (const spec of specs) for (const lane of lanesOf(spec, proxies)) await loadOf(spec, lane, WARM_SECONDS);
    for (const spec of specs) for (const lane of lanesOf(spec, proxies)) await check(spec, lane);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { spec, byLane } of rounds) {
        // In another order each time, so that nobody always comes behind the same one. Those that nothing is compared
        // with are only measured every other time.
        const due = lanesOf(spec, proxies).filter(({ label, base }) => base || label === OURS || round % 2 === 0);
        const lanes = turned(due, round);
        await inOrder(lanes, async (lane) => {
          const measured = await measure(spec, lane, running);
          byLane.set(lane.label, [...(byLane.get(lane.label) ?? []), measured]);
        });
      }
      console.log(`round ${round + 1} of ${ROUNDS}`);
    }
  } finally {
    await Promise.all([...running.values()].map(async (program) => program.stop()));
  }
  printHeading();
  return rounds.map(({ spec, byLane }) => {
    const bases = lanesOf(spec, proxies).filter(({ base }) => base);
    const result = resultOf(
      nameOf(spec),
      byLane,
      bases.map(({ label }) => label),
    );
    printRowResult(result);
    return result;
  });
}

async function measureFairness(proxies: readonly Proxy[]): Promise<FairnessResult> {
  const running = await startAll(proxies);
  const rounds = new Map<string, FairnessRound[]>();
  try {
    for (const proxy of proxies) await warm(proxy);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const proxy of turned(proxies, round)) {
        const measured = await fairnessRound(proxy, SECONDS);
        rounds.set(proxy.name, [...(rounds.get(proxy.name) ?? []), measured]);
      }
    }
  } finally {
    await Promise.all([...running.values()].map(async (program) => program.stop()));
  }
  const result = fairnessOf(rounds, { ours: OURS, base: "haproxy" });
  printFairness(result);
  return result;
}

/** Of the sidecar alone, one after the other from its start on. */
async function measureFirstSeconds(proxies: readonly Proxy[]): Promise<readonly Round[]> {
  const spec: RowSpec = { protocol: "HTTP/1.1", size: "1 kB", connections: 16, connects: false };
  const ours = proxies.filter(({ name }) => name === OURS);
  const [lane] = nameOf(spec).includes(options.only) ? lanesOf(spec, ours) : [];
  if (lane === undefined) return [];
  const program = await startProxy(lane.proxy);
  const rounds: Round[] = [];
  try {
    for (let i = 0; i < FIRST_SECONDS; i += 1) rounds.push(await measure(spec, lane, new Map([[lane.proxy, program]])));
  } finally {
    await program.stop();
  }
  const told = rounds.map(({ p99, cpu }) => `${p99.toFixed(2)} ms, ${cpu.toFixed(1)} µs`);
  console.log(`\nFirst seconds of the sidecar (p99, CPU per request): ${told.join("; ")}`);
  return rounds;
}

async function warm(proxy: Proxy): Promise<void> {
  const common = { size: "1 kB", connections: 16 } as const;
  const warming: readonly RowSpec[] = [
    { ...common, protocol: "HTTP/1.1", connects: false },
    { ...common, protocol: "HTTP/1.1", connects: true },
    { ...common, protocol: "HTTP/2", connects: false, streams: 16 },
  ];
  for (const spec of warming) for (const lane of lanesOf(spec, [proxy])) await loadOf(spec, lane, WARM_SECONDS);
}

/** That what is measured is an answer, and the whole of it. */
async function check(spec: RowSpec, lane: Lane): Promise<void> {
  const load = http2LoadOf(spec, lane, 0);
  if (load !== undefined) await checkAnswer(load);
}

async function measure(spec: RowSpec, lane: Lane, running: ReadonlyMap<Proxy, Program>): Promise<Round> {
  const program = running.get(lane.proxy);
  if (program === undefined) throw new Error(`\`${lane.label}\` does not run`);
  // Large bodies are few: their quantiles need longer.
  const seconds = spec.size === "10 MB" ? 2 * SECONDS : SECONDS;
  const before = cpuSecondsOf(program);
  const load = await loadOf(spec, lane, seconds);
  const cpu = cpuSecondsOf(program) - before;
  return {
    requestsPerSecond: load.requests / load.seconds,
    p50: load.p50 / 1000,
    p99: load.p99 / 1000,
    cpu: (cpu * 1e6) / load.requests,
    errors: load.errors,
  };
}

async function loadOf(spec: RowSpec, lane: Lane, seconds: number): Promise<LoadResult> {
  if (spec.protocol === "WebSocket") {
    return pingPong(
      { url: lane.url, connections: spec.connections, seconds, headers: [REQUEST_HEADER] },
      SIZES[spec.size],
    );
  }
  const http2 = http2LoadOf(spec, lane, seconds);
  if (http2 !== undefined) return h2load(http2);
  const headers = [REQUEST_HEADER, ...(spec.connects ? ["Connection: close"] : [])];
  return wrk({ url: `${lane.url}${pathOf(spec.size)}`, connections: spec.connections, seconds, headers });
}

function http2LoadOf(spec: RowSpec, { url }: Lane, seconds: number): Http2Load | undefined {
  const { protocol, size, connections, streams = 1 } = spec;
  if (!isHttp2(protocol)) return undefined;
  return { protocol, size, connections, streams, url, seconds, headers: [REQUEST_HEADER] };
}

/** Each proxy newly started for each row: what an earlier load left behind is none of it. */
async function measureMemory(proxies: readonly Proxy[]): Promise<readonly MemoryResult[]> {
  const results: MemoryResult[] = [];
  for (const { target, ...spec } of MEMORY_ROWS.filter((row) => nameOf(row).includes(options.only))) {
    const lanes: Record<string, number> = {};
    for (const lane of lanesOf(spec, proxies)) lanes[lane.label] = await largestMemory(spec, lane);
    const name = `Memory, ${nameOf(spec)}`;
    const ok = (lanes[OURS] ?? Number.NaN) <= target;
    console.log(`\n${name}: ${JSON.stringify(lanes)} MB (target ${target}: ${ok ? "met" : "MISSED"})`);
    results.push({ name, lanes, target, ok });
  }
  return results;
}

async function largestMemory(spec: RowSpec, lane: Lane): Promise<number> {
  const program = await startProxy(lane.proxy);
  await Bun.sleep(SETTLE_MS);
  let largest = 0;
  const looking = setInterval(() => {
    largest = Math.max(largest, residentMegabytesOf(program));
  }, MEMORY_LOOK_MS);
  try {
    await loadOf(spec, lane, MEMORY_SECONDS);
  } finally {
    clearInterval(looking);
    await program.stop();
  }
  return Math.round(largest);
}

async function startAll(proxies: readonly Proxy[]): Promise<ReadonlyMap<Proxy, Program>> {
  const running = new Map<Proxy, Program>();
  for (const proxy of proxies) running.set(proxy, await startProxy(proxy));
  return running;
}

async function startProxy({ start, ready }: Proxy): Promise<Program> {
  const program = await startProgram(start);
  if (ready === undefined) return program;
  for (const limit = performance.now() + READY_MS_MAX; performance.now() < limit; await Bun.sleep(READY_LOOK_MS)) {
    if ((await fetch(ready)).ok) return program;
  }
  await program.stop();
  throw new Error(`\`${start.name}\` is not ready`);
}

function turned<T>(items: readonly T[], by: number): readonly T[] {
  const from = by % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}
