/** The end of everything that a program started, save what left its process group. */
import type { Clock } from "../../core/host/clock.ts";
import { AGENT_STOP_MS_MAX, AGENT_STOP_POLL_MS } from "../../core/limits.ts";
import { atMost } from "./at-most.ts";
import type { Child } from "./process.ts";
import { isAlive, processes } from "./process-table.ts";

/** SIGTERM to the group, SIGKILL to what is left of it after `stopMs`; resolves when all of it is gone. */
export async function endGroup(child: Child, clock: Clock, stopMs = AGENT_STOP_MS_MAX): Promise<void> {
  const deadline = clock.now() + stopMs;
  signalGroup(child.pid, "SIGTERM");
  await atMost(clock, stopMs, child.exited);
  while (groupLives(child.pid) && clock.now() < deadline) await clock.sleep(AGENT_STOP_POLL_MS);
  signalGroup(child.pid, "SIGKILL");
  await child.exited;
  for (const killed = clock.now(); groupLives(child.pid) && clock.now() < killed + stopMs;)
    await clock.sleep(AGENT_STOP_POLL_MS);
}

function signalGroup(group: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left, or only those who run as somebody else by now.
  }
}

function groupLives(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  // Also zombies take signals.
  return processes().some((entry) => entry.group === group && isAlive(entry));
}
