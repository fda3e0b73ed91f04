import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENT_STREAM, SYNC_TREE } from "../../../../core/agent-protocol.ts";
import { systemClock } from "../../../../core/host/clock.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { sendTree } from "../../../../core/sync/send.ts";
import type { Mux } from "../../../../core/wire/mux.ts";
import {
  type AgentProcess,
  type Place,
  type StartOptions,
  type StateReader,
  connectAgent,
  followState,
  startAgent,
  update,
  LINGER,
  withPlace,
} from "./support.ts";

interface Running {
  readonly agent: AgentProcess;
  readonly mux: Mux;
  readonly states: StateReader;
  /** Of the application's first run. */
  readonly pid: number;
}

type Starting = Pick<StartOptions, "script" | "hold" | "options">;

async function run(place: Place, starting: Starting): Promise<Running> {
  const agent = startAgent({ place, ...starting });
  const mux = await connectAgent(place);
  const states = followState(mux);
  const { process } = await states.until((state) => state.process.kind === "running");
  return { agent, mux, states, pid: process.kind === "running" ? process.pid : 0 };
}

async function withRunning(starting: Starting, work: (running: Running, place: Place) => Promise<void>): Promise<void> {
  await withPlace(async (place) => {
    const running = await run(place, starting);
    try {
      await work(running, place);
    } finally {
      running.agent.kill("SIGTERM");
      await systemClock.sleep(0);
      await running.mux.close();
      await running.agent.exited;
    }
  });
}

async function appears(file: string): Promise<string> {
  while (!existsSync(file) || readFileSync(file, "utf8") === "") await systemClock.sleep(5);
  return readFileSync(file, "utf8").trim();
}

/** A zombie is gone, too: in a container the agent collects it, here whoever started the test. */
function runs(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("UpdateQueue", () => {
  test("starts the application again, and a descendant that outlives its leader is gone", async () => {
    const script = `(trap '' TERM; echo $$ > leader; sh -c 'trap "" TERM; echo $$ > child; ${LINGER}') & ${LINGER}`;
    await withRunning({ script, options: { stopMs: 300 } }, async ({ mux, states, pid }, place) => {
      const child = Number(await appears(join(place.folder, "child")));
      const events = await update(mux, { restart: true });
      expect(events.map((event) => (event.type === "step" ? event.name : event.type))).toEqual([
        "stop",
        "start",
        "done",
      ]);
      const { process } = await states.until((state) => state.process.kind === "running");
      expect(process).toMatchObject({ kind: "running", run: 2 });
      expect([runs(pid), runs(child)]).toEqual([false, false]);
    });
  });

  test("runs build commands before, in the application's folder, and their output is the application's", async () => {
    await withRunning({ script: `cat built || true; ${LINGER}` }, async ({ mux, agent }) => {
      const buildCommands = [
        ["sh", "-c", "echo compiling; echo one > built"],
        ["sh", "-c", "echo two >> built"],
      ];
      const events = await update(mux, { buildCommands, restart: true });
      expect(events.at(-1)?.type).toBe("done");
      const reader = agent.stdout.getReader();
      let text = "";
      while (!text.includes("two")) text += new TextDecoder().decode((await reader.read()).value);
      expect(text).toBe("compiling\none\ntwo\n");
    });
  });

  test("leaves the application alone when a build fails, and says which command and how", async () => {
    await withRunning({ script: LINGER }, async ({ mux, states, pid }) => {
      const buildCommands = [["true"], ["sh", "-c", "exit 3"], ["sh", "-c", "echo never > never"]];
      const events = await update(mux, { buildCommands, restart: true });
      expect(events.at(-1)).toEqual({
        type: "failed",
        code: "UPDATE_FAILED",
        message: "`sh -c exit 3` ended with exit code 3",
      });
      const { process } = await states.until((state) => state.process.kind === "running");
      expect(process).toEqual({ kind: "running", run: 1, pid });
      expect(runs(pid)).toBe(true);
    });
  });

  test("a container is behind files that need an update until its application was started again", async () => {
    await withRunning({ script: LINGER }, async ({ mux, states }, { folder }) => {
      const root = join(folder, "sources");
      mkdirSync(root);
      writeFileSync(join(root, "a.js"), "1");
      const sync = async (name: string): Promise<void> => {
        const manifest = await scanTree(root, { ignore: () => false, signal: new AbortController().signal });
        await sendTree(mux.open(name), { tree: SYNC_TREE, root, manifest });
      };
      await sync(AGENT_STREAM.sync);
      expect((await states.until(({ revision }) => revision.endsWith("-1"))).behind).toBe(false);
      writeFileSync(join(root, "a.js"), "22");
      await sync(AGENT_STREAM.syncForUpdate);
      await states.until(({ behind }) => behind);
      const refused = await update(mux, { buildCommands: [["false"]], restart: true });
      expect(refused.at(-1)?.type).toBe("failed");
      const { behind } = await states.until(({ process }) => process.kind === "running");
      expect(behind).toBe(true);
      await update(mux, { restart: true });
      await states.until((state) => !state.behind && state.process.kind === "running");
    });
  });

  test("says that a build command does not exist", async () => {
    await withRunning({ script: LINGER }, async ({ mux }) => {
      const [event] = await update(mux, { buildCommands: [["no-such-compiler"]] });
      expect(event).toMatchObject({ type: "failed", code: "UPDATE_FAILED" });
      expect(JSON.stringify(event)).toContain("`no-such-compiler` was not found in the folders of PATH");
    });
  });

  test("ends the build of an older update when a newer one comes, with all that it started", async () => {
    await withRunning({ script: LINGER }, async ({ mux, states }, place) => {
      const slow = [["sh", "-c", `sh -c 'echo $$ > builder; ${LINGER}' & wait`]];
      const older = update(mux, { buildCommands: slow, restart: true });
      const builder = Number(await appears(join(place.folder, "builder")));
      const newer = update(mux, { buildCommands: [["true"]], restart: true });
      expect(await older).toEqual([{ type: "failed", code: "UPDATE_FAILED", message: "Superseded by a newer update" }]);
      expect((await newer).at(-1)?.type).toBe("done");
      expect(runs(builder)).toBe(false);
      const { process } = await states.until((state) => state.process.kind === "running" && state.process.run > 1);
      expect(process).toMatchObject({ run: 2 });
    });
  });

  test("ends processes by name, with force where they do not obey, and only those", async () => {
    const script = `cp /bin/sleep ./stubborn-worker-of-ours; (trap '' TERM; exec ./stubborn-worker-of-ours 60) & echo $! > worker; ${LINGER}`;
    await withRunning({ script, options: { stopMs: 200 } }, async ({ mux, pid }, place) => {
      const worker = Number(await appears(join(place.folder, "worker")));
      while (!readFileSync(`/proc/${worker}/comm`, "utf8").startsWith("stubborn")) await systemClock.sleep(5);
      const [step, last] = await update(mux, { processesToKill: ["stubborn-worker-of-ours", "nothing-of-that-name"] });
      expect(step).toMatchObject({ type: "step", name: "kill", text: `stubborn-worker (${worker})` });
      expect(last?.type).toBe("done");
      expect([runs(worker), runs(pid)]).toEqual([false, true]);
    });
  });

  test("holds a container whose application it ended on purpose, also without `--hold`", async () => {
    // A name that nothing else on this machine has: tests have no PID namespace of their own.
    const script = "cp /bin/sleep ./application-of-ours; exec ./application-of-ours 60";
    await withRunning({ script }, async ({ mux, states, agent, pid }) => {
      while (!readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("application-of")) await systemClock.sleep(5);
      const request = { processesToKill: ["application-of-ours"], buildCommands: [["false"]] };
      const [kill, last] = await update(mux, request);
      expect(kill).toMatchObject({ name: "kill", text: `application-of- (${pid})` });
      expect(last?.type).toBe("failed");
      expect((await states.until((state) => state.process.kind === "ended")).process).toMatchObject({ code: 143 });
      expect((await update(mux, { restart: true })).at(-1)?.type).toBe("done");
      expect(agent.exitCode).toBeNull();
    });
  });
});

describe("Supervisor", () => {
  test("holds a crashed application's container while a client is there, and starts it at the next update", async () => {
    await withRunning({ script: "sleep 0.3; cat fixed || exit 7", hold: true }, async ({ mux, states }, place) => {
      const { process } = await states.until((state) => state.process.kind === "ended");
      expect(process).toEqual({ kind: "ended", run: 1, code: 7 });
      writeFileSync(join(place.folder, "fixed"), "");
      await update(mux, { restart: true });
      expect((await states.until((state) => state.process.kind === "ended")).process).toMatchObject({
        run: 2,
        code: 0,
      });
    });
  });

  test("waits for the client's return, then ends with the application's code", async () => {
    await withPlace(async (place) => {
      const { agent, mux, states } = await run(place, {
        script: "sleep 0.2; exit 7",
        hold: true,
        options: { graceMs: 300 },
      });
      await states.until((state) => state.process.kind === "ended");
      await mux.close();
      expect(await agent.exited).toBe(7);
    });
  });

  test("waits for a client that is on its way, however soon the application ends", async () => {
    await withPlace(async (place) => {
      const agent = startAgent({ place, script: "exit 7", hold: true, attended: true });
      await systemClock.sleep(300);
      const mux = await connectAgent(place);
      const { process } = await followState(mux).until((state) => state.process.kind === "ended");
      expect(process).toEqual({ kind: "ended", run: 1, code: 7 });
      agent.kill("SIGTERM");
      expect(await agent.exited).toBe(7);
      await mux.close();
    });
  });

  test("ends at once without a client", async () => {
    await withPlace(async (place) => {
      const agent = startAgent({ place, script: "exit 7", hold: true });
      expect(await agent.exited).toBe(7);
    });
  });

  test("ends with the application although a client is there, without `--hold`", async () => {
    await withPlace(async (place) => {
      const { agent, mux } = await run(place, { script: "sleep 0.2; exit 0" });
      expect(await agent.exited).toBe(0);
      await mux.close();
    });
  });

  test("with `--await-exec` starts no application, also not after an update, and stays until SIGTERM", async () => {
    await withPlace(async (place) => {
      const started = join(place.folder, "started");
      const agent = startAgent({ place, script: `touch ${started}`, "await-exec": true });
      const mux = await connectAgent(place);
      const states = followState(mux);
      await states.until((state) => state.process.kind === "awaiting");
      const events = await update(mux, { buildCommands: [["touch", join(place.folder, "built")]], restart: true });
      expect(events.at(-1)).toMatchObject({ type: "done" });
      await states.until((state) => state.process.kind === "awaiting");
      expect([existsSync(join(place.folder, "built")), existsSync(started)]).toEqual([true, false]);
      agent.kill("SIGTERM");
      expect(await agent.exited).toBe(143);
      await mux.close();
    });
  });

  test("ends at SIGTERM while it holds", async () => {
    await withPlace(async (place) => {
      const { agent, mux, states } = await run(place, { script: "sleep 0.2; exit 5", hold: true });
      await states.until((state) => state.process.kind === "ended");
      agent.kill("SIGTERM");
      expect(await agent.exited).toBe(5);
      await mux.close();
    });
  });
});
