/** A service of tests/projects/inner-loop under development with `azds up`, and what the command does and costs. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import { at, parseJson } from "../core/parse.ts";
import { type Developer, type RunningCommand, scratchFolder } from "../tests/e2e/support/cluster.ts";

const SOURCES = join(import.meta.dir, "../tests/projects/inner-loop");
const COMMAND_MS_MAX = 300_000;
const CLOCK_TICKS = 100;
const PAGE_BYTES = 4096;

export interface ServicePlan {
  readonly name: string;
  readonly language: "node" | "python" | "go";
  /** `configurations.develop.container` of azds.yaml. */
  readonly container: Readonly<Record<string, unknown>>;
}

export interface DevelopedService {
  readonly name: string;
  readonly folder: string;
  readonly write: (path: string, text: string) => void;
  /** Seconds that `azds` took with these arguments in the project's folder, and its output. */
  readonly azds: (...args: readonly string[]) => Promise<{ readonly seconds: number; readonly output: string }>;
  /** `azds up` until it follows saves. */
  readonly attach: () => Promise<Attached>;
  readonly remove: () => Promise<void>;
}

export interface Attached {
  /** From the command until it follows saves. */
  readonly seconds: number;
  readonly process: RunningCommand;
  /** Milliseconds of each stage, by its name, of all updates that so many files brought so far. */
  readonly stages: (files: number) => Readonly<Record<string, readonly number[]>>;
  readonly detach: () => Promise<void>;
}

/** The selected space of `user` is where it will run. Nothing is deployed yet. */
export async function prepareService(user: Developer, plan: ServicePlan): Promise<DevelopedService> {
  const folder = scratchFolder(plan.name);
  cpSync(join(SOURCES, plan.language), folder, { recursive: true });
  const azds: DevelopedService["azds"] = async (...args) => {
    const started = performance.now();
    const result = await user.azds(args, { cwd: folder, timeoutMs: COMMAND_MS_MAX });
    const output = `${result.stdout}${result.stderr}`;
    if (result.code !== 0) throw new Error(`azds ${args.join(" ")}: ${output}`);
    return { seconds: (performance.now() - started) / 1000, output };
  };
  await azds("init", "--port", "8080");
  configure(folder, plan.container);
  return {
    name: plan.name,
    folder,
    azds,
    write: (path, text) => writeFileSync(join(folder, path), text),
    attach: async () => attach(user, folder),
    remove: async () => {
      await azds("down");
      rmSync(dirname(folder), { recursive: true, force: true });
    },
  };
}

function configure(folder: string, container: ServicePlan["container"]): void {
  const file = join(folder, "azds.yaml");
  const config = parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  config["configurations"] = { develop: { build: { dockerfile: "Dockerfile", useGitIgnore: true }, container } };
  writeFileSync(file, stringify(config));
}

async function attach(user: Developer, folder: string): Promise<Attached> {
  const started = performance.now();
  const process = user.start(["up", "-o", "json"], { cwd: folder });
  try {
    await process.until(/Press Ctrl\+C to detach/);
  } catch (error) {
    await process.stop("SIGKILL");
    throw error;
  }
  return {
    seconds: (performance.now() - started) / 1000,
    process,
    stages: (files) => stagesIn(process.output(), files),
    detach: async () => {
      await process.stop();
    },
  };
}

/** From the events that the command prints as lines of JSON. */
function stagesIn(output: string, files: number): Readonly<Record<string, readonly number[]>> {
  const values: Record<string, number[]> = {};
  // The last one may not be whole yet.
  const lines = output.split("\n").slice(0, -1);
  for (const line of lines.filter((text) => text.includes('"type":"update"'))) {
    const event = parseJson(line, { code: "PROTOCOL", path: "azds up" });
    if (at(event, "files") !== files) continue;
    for (const [name, ms] of Object.entries(at(event, "stages") as Record<string, number>))
      (values[name] ??= []).push(ms);
  }
  return values;
}

/** What a process costs while nothing happens: percent of a core over some time, and megabytes afterwards (proc(5)). */
export async function idleCost(pid: number, ms: number): Promise<{ readonly cpu: number; readonly memory: number }> {
  const before = cpuTicks(pid);
  const started = performance.now();
  await Bun.sleep(ms);
  const seconds = (performance.now() - started) / 1000;
  const cpu = ((cpuTicks(pid) - before) / CLOCK_TICKS / seconds) * 100;
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return { cpu, memory: (pages * PAGE_BYTES) / 2 ** 20 };
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // utime and stime are fields 14 and 15 of the line, of which two are cut off.
  return Number(fields[11]) + Number(fields[12]);
}
