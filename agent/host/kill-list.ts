/** Ends processes by name, as azds.yaml lists them for an update. */
import type { Clock } from "../../core/host/clock.ts";
import { AGENT_STOP_MS_MAX, AGENT_STOP_POLL_MS } from "../../core/limits.ts";
import { type ProcessEntry, isAlive, processOf, processes } from "./process-table.ts";

/** The kernel keeps so many bytes of a program's name. */
const COMM_CHARS = 15;

/** SIGTERM, and SIGKILL to those that are there after `stopMs`; never this process. Those that were named. */
export async function killNamed(
  names: readonly string[],
  clock: Clock,
  stopMs = AGENT_STOP_MS_MAX,
): Promise<readonly ProcessEntry[]> {
  const named = processes().filter((entry) => isNamed(entry, names));
  for (const { pid } of named) signal(pid, "SIGTERM");
  await leave(named, clock, stopMs);
  const left = named.filter(isThere);
  for (const { pid } of left) signal(pid, "SIGKILL");
  await leave(left, clock, stopMs);
  return named;
}

async function leave(entries: readonly ProcessEntry[], clock: Clock, ms: number): Promise<void> {
  const deadline = clock.now() + ms;
  while (entries.some(isThere) && clock.now() < deadline) await clock.sleep(AGENT_STOP_POLL_MS);
}

export function isNamed(entry: ProcessEntry, names: readonly string[]): boolean {
  if (entry.pid === process.pid || !isAlive(entry)) return false;
  return names.some((name) => name === entry.program || name === entry.comm || isCutTo(name, entry.comm));
}

function isCutTo(name: string, comm: string): boolean {
  return comm.length === COMM_CHARS && name.startsWith(comm);
}

/** Its number may belong to another by now. */
function isThere({ pid, startTime }: ProcessEntry): boolean {
  const now = processOf(pid);
  return now !== undefined && now.startTime === startTime && isAlive(now);
}

function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended, or is somebody else's.
  }
}
