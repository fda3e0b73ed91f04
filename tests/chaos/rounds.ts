/** Does one round: saves while something is killed, then looks whether everything is as it should be. */
import { waitFor } from "../cluster/wait.ts";
import type { RunningCommand } from "../e2e/support/cluster.ts";
import { FAULT } from "./faults.ts";
import type { Moment, Round, TimedSave } from "./plan.ts";
import { applySave, differences, listFolder } from "./saves.ts";
import type { Inside, SeenPod, World } from "./world.ts";

export interface RoundResult {
  readonly round: Round;
  /** What is wrong; empty for a round that passed. */
  readonly wrong: readonly string[];
  /** From recovery until the container had everything and ran with it. */
  readonly settledMs: number;
  /** What was last seen to be missing before everything was there. */
  readonly lastMissing: readonly string[];
  /** The error with which `up` ended where it might: in its own phases. */
  readonly gaveUp: string | undefined;
}

/** Every wait ends with a message; a machine under load needs its time. */
const ATTACHED_MS_MAX = 180_000;
const RECOVERED_MS_MAX = 240_000;
const SETTLED_MS_MAX = 60_000;
const STRAYS_MS_MAX = 15_000;
const SYSTEM_MS_MAX = 180_000;
const GONE_MS_MAX = 120_000;
/** A pod whose containers restarted more often waits long for the next time: it is made anew before the round. */
const RESTARTS_MAX = 1;
/** How often an attached `up` may say that one cut was one. */
const CUTS_TOLD_MAX = 1;

/** What an `up` has printed once the phase has begun. */
const BEGINS: Readonly<Record<Exclude<Moment, "attached">, RegExp>> = {
  rebuild: /rebuilding the image/,
  start: /Using dev space/,
  install: /"step\.started","id":"install"/,
  sync: /"step\.started","id":"sync"/,
  build: /"step\.started","id":"build"/,
  wait: /"step\.started","id":"wait"/,
};
const ATTACHED = /Press Ctrl\+C to detach/;

export async function doRound(world: World, round: Round): Promise<RoundResult> {
  const fault = FAULT[round.fault];
  await prepare(world, round);
  const target = (await world.pods()).findLast(({ deleting }) => !deleting);
  const from = await reach(world, round);
  const { up } = world;
  let wrong: string[] = [];
  const accident = async (): Promise<void> => {
    await Bun.sleep(round.delayMs);
    await fault.hit(world, target);
    await Bun.sleep(Math.max(round.awayMs, fault.awayMsMin ?? 0));
    await fault.mend?.(world, target);
  };
  await Promise.all([accident(), save(world, round.saves)]);
  const gaveUp = await afterAccident(world, round, from);
  if (gaveUp.wrong !== undefined) wrong.push(gaveUp.wrong);
  await recovered(world);
  const start = Date.now();
  const { left, lastMissing, at } = await settle(world, round);
  const settledMs = Math.max(0, at - start);
  wrong = [...wrong, ...left, ...outputFaults(round, up, from), ...(await strayFaults(world))];
  return { round, wrong, settledMs, lastMissing, gaveUp: gaveUp.code };
}

async function prepare(world: World, { fresh, moment }: Round): Promise<void> {
  for (const pod of await world.systemPods()) if (pod.restarts > RESTARTS_MAX) await world.deletePod(pod.name, "azds");
  await waitFor({
    what: "azds's own programs to be ready",
    limitMs: SYSTEM_MS_MAX,
    check: async () => {
      const pods = await world.systemPods();
      return pods.length > 0 && pods.every(({ ready, deleting }) => ready && !deleting) ? true : undefined;
    },
  });
  if (fresh) {
    await world.stopUp();
    await removed(world);
    return;
  }
  const tired = (await world.pods()).filter(({ restarts, deleting }) => restarts > RESTARTS_MAX && !deleting);
  for (const { name } of tired) await world.deletePod(name);
  if (moment !== "attached" && moment !== "rebuild") {
    await world.stopUp();
    return;
  }
  if (world.up === undefined || world.up.exitCode() !== undefined) await attachedAgain(world);
  await recovered(world);
}

/** `down`, and nothing of the service is there any more. */
export async function removed(world: World): Promise<void> {
  await world.down();
  await waitFor({
    what: "everything of the service to be gone",
    limitMs: GONE_MS_MAX,
    check: async () => ((await world.left()).length === 0 ? true : undefined),
    explain: async () => `left over: ${(await world.left()).join(" ")}`,
  });
}

/** Until the moment has begun; gives where its output does. */
async function reach(world: World, { moment, number }: Round): Promise<number> {
  if (moment === "attached") return world.up?.output().length ?? 0;
  const before = moment === "rebuild" ? (world.up?.output().length ?? 0) : 0;
  world.project.write("Dockerfile.develop", `${dockerfile(world)}# ${number} ${Date.now()}\n`);
  const up = moment === "rebuild" ? world.up : world.startUp();
  await waitFor({
    what: `\`azds up\` to reach ${moment}`,
    limitMs: ATTACHED_MS_MAX,
    check: async () => {
      const output = up?.output().slice(before) ?? "";
      if (up?.exitCode() !== undefined) throw new Error(`azds up ended before ${moment}:\n${output}`);
      return BEGINS[moment].test(output) ? true : undefined;
    },
    explain: async () => lastOf(up),
  });
  return before;
}

/** Without the lines that earlier rounds have added. */
function dockerfile({ project }: World): string {
  return project.read("Dockerfile.develop").replaceAll(/^# \d+ \d+\n/gm, "");
}

async function save(world: World, saves: readonly TimedSave[]): Promise<void> {
  const start = performance.now();
  for (const { afterMs, save: one } of saves) {
    await Bun.sleep(Math.max(0, afterMs - (performance.now() - start)));
    applySave(world.project.folder, one);
  }
}

/** An attached `up` lives on; one in its phases may end with an error of azds, and then works when it is run again. */
async function afterAccident(
  world: World,
  { moment, fault }: Round,
  from: number,
): Promise<{ readonly code?: string; readonly wrong?: string }> {
  const { up } = world;
  if (FAULT[fault].endsUp === true || up === undefined) {
    await attachedAgain(world);
    return {};
  }
  const isAttached = await attachedOrEnded(up);
  if (isAttached) {
    if (moment === "rebuild") await rebuilt(up, from);
    return {};
  }
  const failure = /"type":"failed","code":"(\w+)"/.exec(up.output())?.[1];
  const output = lastOf(up);
  await attachedAgain(world);
  if (moment === "attached" || moment === "rebuild" || failure === undefined || failure === "BUG")
    return { code: failure ?? "none", wrong: `\`azds up\` ended by itself:\n${output}` };
  return { code: `${failure}: ${/"type":"failed","code":"\w+","message":"([^"]*)/.exec(output)?.[1] ?? ""}` };
}

/** What is saved meanwhile waits for it. */
async function rebuilt(up: RunningCommand, from: number): Promise<void> {
  await waitFor({
    what: "the rebuild to be over",
    limitMs: ATTACHED_MS_MAX,
    check: async () => {
      const isOver = /"step\.finished","id":"wait"|was left as it is/.test(up.output().slice(from));
      return isOver || up.exitCode() !== undefined ? true : undefined;
    },
    explain: async () => lastOf(up),
  });
}

async function attachedAgain(world: World): Promise<void> {
  const up = world.startUp();
  if (!(await attachedOrEnded(up))) throw new Error(`\`azds up\`, run again, ended:\n${lastOf(up)}`);
}

async function attachedOrEnded(up: RunningCommand): Promise<boolean> {
  return waitFor({
    what: "`azds up` to be attached",
    limitMs: ATTACHED_MS_MAX,
    check: async () => {
      if (up.exitCode() !== undefined) return false;
      return ATTACHED.test(up.output()) ? true : undefined;
    },
    explain: async () => lastOf(up),
  });
}

/** One pod that is ready, and really: of a node that has just lost its power the cluster knows nothing yet. */
async function recovered(world: World): Promise<SeenPod> {
  return waitFor({
    what: "the pod to be ready",
    limitMs: RECOVERED_MS_MAX,
    check: async () => {
      const pods = (await world.pods()).filter(({ deleting }) => !deleting);
      const [pod] = pods;
      if (pods.length !== 1 || pod?.ready !== true) return undefined;
      return (await world.inside(pod.name)) === undefined ? undefined : pod;
    },
    explain: async () => `${JSON.stringify(await world.pods())}\n${lastOf(world.up)}`,
  });
}

interface Settled {
  readonly left: readonly string[];
  readonly lastMissing: readonly string[];
  readonly at: number;
}

/** What is still wrong in the container when nothing is any more, or after SETTLED_MS_MAX. */
async function settle(world: World, round: Round): Promise<Settled> {
  const limit = Date.now() + SETTLED_MS_MAX;
  let lastMissing: readonly string[] = [];
  for (;;) {
    const pod = (await world.pods()).findLast(({ deleting }) => !deleting);
    const inside = pod === undefined ? undefined : await world.inside(pod.name);
    const left = inside === undefined ? ["the container cannot be asked"] : insideFaults(world, round, inside);
    const at = inside?.at ?? Date.now();
    if (left.length === 0 || Date.now() > limit) return { left, lastMissing, at };
    lastMissing = left;
    await Bun.sleep(100);
  }
}

function insideFaults(world: World, { saves }: Round, inside: Inside): readonly string[] {
  const files = differences(listFolder(world.project.folder), inside.files);
  const last = saves.findLast(({ save: { kind } }) => kind === "marker")?.save;
  const name = last?.kind === "marker" ? last.name : "";
  const expected = JSON.stringify([name]);
  const processes = inside.processes.filter((line) => !line.includes("__agent"));
  return [
    ...files.slice(0, 10),
    ...(inside.served === expected ? [] : [`the application answers ${inside.served}, not ${expected}`]),
    ...(processes.length === 1 && processes[0] === "node server.js" ? [] : [`processes: ${processes.join(" | ")}`]),
    ...(inside.staging ? ["half-made files are left in the container"] : []),
  ];
}

function outputFaults(round: Round, up: RunningCommand | undefined, from: number): readonly string[] {
  const output = up?.output() ?? "";
  const starts = [...output.matchAll(/"text":"(\S+ listens \d+ \d+)"/g)].map(([, line]) => line);
  const twice = starts.filter((line, index) => starts.indexOf(line) !== index);
  const cuts = [...output.slice(from).matchAll(/The connection to pod [^"]* was lost/g)].length;
  const often = FAULT[round.fault].cuts === true && round.moment === "attached" && cuts > CUTS_TOLD_MAX;
  return [
    ...twice.map((line) => `shown twice: ${line}`),
    ...(often ? [`the cut was told ${cuts} times`] : []),
    ...(output.includes('"code":"BUG"') ? ["`azds up` failed with a bug"] : []),
  ];
}

async function strayFaults(world: World): Promise<readonly string[]> {
  const limit = performance.now() + STRAYS_MS_MAX;
  for (;;) {
    const strays = world.strays();
    if (strays.length === 0) return [];
    if (performance.now() > limit) return strays.map((line) => `left on the developer's machine: ${line}`);
    await Bun.sleep(250);
  }
}

export function lastOf(up: RunningCommand | undefined): string {
  return up?.output().split("\n").slice(-60).join("\n") ?? "no `azds up`";
}
