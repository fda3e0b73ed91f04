/** Processes as /proc shows them (proc(5)); those that end meanwhile are left out. */
import { readFileSync, readdirSync } from "node:fs";
import { basename } from "node:path";

export interface ProcessEntry {
  readonly pid: number;
  /** The program's name, cut to 15 bytes by the kernel. */
  readonly comm: string;
  /** Last segment of the first word of its command line; empty for a zombie. */
  readonly program: string;
  /** `Z` and `X` are over. */
  readonly state: string;
  readonly group: number;
  /** In clock ticks since boot: with `pid` it names one process for ever. */
  readonly startTime: string;
}

export function processes(): readonly ProcessEntry[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (processOf(Number(name)) ?? []) : []));
}

export function processOf(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything, also parentheses; the fields follow the last one.
    const open = stat.indexOf("(");
    const close = stat.lastIndexOf(")");
    const [state = "", , group = "", ...rest] = stat.slice(close + 2).split(" ");
    const [word = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const startTime = rest[START_TIME] ?? "";
    return { pid, comm: stat.slice(open + 1, close), program: basename(word), state, group: Number(group), startTime };
  } catch {
    return undefined;
  }
}

/** Field 22 of the line, counted from the one after the process group (field 5). */
const START_TIME = 16;

export function isAlive({ state }: ProcessEntry): boolean {
  return state !== "Z" && state !== "X";
}
