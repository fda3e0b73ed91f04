/** In a network of its own: a sidecar, whose worker is killed again and again while connections come. Prints what they saw. */
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { PORT, PROGRAM } from "../../core/contract.ts";
import { EXECUTABLE } from "./executable.ts";

const KILLS = 5;
const BETWEEN_MS = 150;
const REQUEST = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** The answer, or the code of the error. */
async function ask(): Promise<string> {
  const socket = connect(PORT.admin, "127.0.0.1");
  return new Promise((resolve) => {
    let answer = "";
    socket.on("data", (bytes) => (answer += bytes.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve(answer === "" ? "cut" : answer));
    socket.write(REQUEST);
  });
}

function workerOf(supervisor: number): number | undefined {
  const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, "utf8").trim().split(" ");
  return children.map(Number).find((pid) => pid > 0);
}

const sidecar = Bun.spawn([EXECUTABLE, PROGRAM.proxy], { stdio: ["ignore", "ignore", "ignore"] });
while ((await ask()) === "ECONNREFUSED") await Bun.sleep(5);
const seen: Record<string, number> = {};
const gaps: number[] = [];
for (let kill = 0; kill < KILLS; kill += 1) {
  const worker = workerOf(sidecar.pid);
  if (worker === undefined) throw new Error("The sidecar has no worker");
  process.kill(worker, "SIGKILL");
  const killed = performance.now();
  let answered = false;
  while (performance.now() - killed < BETWEEN_MS || !answered) {
    const answer = await ask();
    const what = answer.startsWith("HTTP/1.1 200") ? "answered" : answer;
    if (what === "answered" && !answered) gaps.push(performance.now() - killed);
    answered ||= what === "answered";
    seen[what] = (seen[what] ?? 0) + 1;
  }
}
const restarts = /^azds_proxy_worker_restarts_total (\d+)/m.exec(await ask())?.[1];
sidecar.kill("SIGKILL");
await sidecar.exited;
// The worker ends with it.
const left = (): boolean =>
  readdirSync("/proc").some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(PROGRAM.proxyWorker);
    } catch {
      return false;
    }
  });
while (left()) await Bun.sleep(5);
process.stdout.write(`${JSON.stringify({ seen, restarts, gaps: gaps.map(Math.round) })}\n`);
