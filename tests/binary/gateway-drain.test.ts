/** The end of the gateway's program, with requests of each kind under way. */
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ensureBuilt } from "./executable.ts";
import { WORLD_TOOLS } from "./network-world.ts";

beforeAll(ensureBuilt, 120_000);

async function drain(webSocket: "open" | "closed"): Promise<unknown> {
  const program = `${process.execPath} ${join(import.meta.dir, "gateway-drain.ts")} ${webSocket}`;
  const script = `ip link set lo up\nmount -t tmpfs none /run\nmount -t tmpfs none /etc\n${program}`;
  const unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const child = Bun.spawn([...unshare, "bash", "-ec", script], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`The world ended:\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

describe.skipIf(!WORLD_TOOLS)("the gateway, asked to stop,", () => {
  const orderly = {
    unready: 503,
    whileLeaving: "quick",
    idle: "ended",
    goaway: 0,
    webSocket: true,
    answers: ["begun ended", "begun ended", "begun ended"],
    webSocketEnds: true,
    code: 0,
  };
  test("serves what comes for a while, then ends what is idle and lets the rest finish", async () => {
    expect(await drain("closed")).toEqual(orderly);
  }, 60_000);

  test("does not wait for a WebSocket longer than it has", async () => {
    expect(await drain("open")).toEqual(orderly);
  }, 60_000);
});
