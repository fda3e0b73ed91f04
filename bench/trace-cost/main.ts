/**
 * What noting each exchange costs while nobody listens: two proxies, one of which notes, under the same load in turns.
 * Prints CPU per request of both, and the median of the rounds' ratios. `bun bench/trace-cost/main.ts [ROUNDS]`
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { quantile } from "../report.ts";

const ROUNDS = Number(process.argv[2] ?? 30);
const REQUESTS_PER_ROUND = 12_000;
const WARM_UP = 30_000;
const CONNECTIONS = 16;
const BODY = "x".repeat(1_000);
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
);
const REQUEST = Buffer.from(
  "GET /api/users?page=2 HTTP/1.1\r\nHost: web.dev:8080\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n" +
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01\r\n\r\n",
);

const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: (socket) => void socket.write(ANSWER) } });

interface Proxy {
  readonly port: number;
  readonly process: Bun.Subprocess;
}

async function start(mode: "on" | "off"): Promise<Proxy> {
  const argv = [process.execPath, join(import.meta.dir, "proxy.ts"), mode, String(server.port)];
  const child = Bun.spawn(argv, { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return { port: Number(new TextDecoder().decode(value)), process: child };
}

/** Nanoseconds of all threads on a processor (Documentation/scheduler/sched-stats.rst). */
function cpuNanoseconds(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => {
    return sum + Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
  }, 0);
}

async function load(port: number, requests: number): Promise<void> {
  let left = requests;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const done = Promise.withResolvers<void>();
      let got = 0;
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          data: (open, bytes) => {
            got += bytes.length;
            if (got < ANSWER.length) return;
            got = 0;
            left -= 1;
            if (left > 0) open.write(REQUEST);
            else done.resolve();
          },
          close: () => done.resolve(),
        },
      });
      socket.write(REQUEST);
      await done.promise;
      socket.end();
    }),
  );
}

/** Microseconds of CPU per request. */
async function round({ port, process: { pid } }: Proxy): Promise<number> {
  const before = cpuNanoseconds(pid);
  await load(port, REQUESTS_PER_ROUND);
  return (cpuNanoseconds(pid) - before) / 1_000 / REQUESTS_PER_ROUND;
}

const [on, off] = [await start("on"), await start("off")];
for (const proxy of [on, off]) await load(proxy.port, WARM_UP);
const [noted, plain]: [number[], number[]] = [[], []];
for (let i = 0; i < ROUNDS; i += 1) {
  // Each first in half of the rounds.
  for (const proxy of i % 2 === 0 ? [on, off] : [off, on]) (proxy === on ? noted : plain).push(await round(proxy));
}
const ratios = noted.map((value, i) => value / (plain[i] ?? Number.NaN));
const [low, median, high] = [0.25, 0.5, 0.75].map((at) => ((quantile(ratios, at) - 1) * 100).toFixed(1));
console.log(`CPU per request: ${quantile(noted, 0.5).toFixed(2)} µs noted, ${quantile(plain, 0.5).toFixed(2)} µs not`);
console.log(`noting costs ${median} % (quartiles ${low} to ${high} %; target 2 %)`);
for (const proxy of [on, off]) proxy.process.kill();
server.stop(true);
