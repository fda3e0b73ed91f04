/** After SIGTERM the sidecar stays while the application still runs: without us it could reach nobody. */
import { PROXY_UID } from "../../core/contract.ts";
import {
  LINGER_KNOWN_MS_MAX,
  LINGER_MS_MAX,
  LINGER_MS_MIN,
  LINGER_POLL_MS,
  LINGER_QUIET_MS,
  RUNNING_WAIT_MS_MAX,
} from "../../core/limits.ts";
import type { Clock } from "../../core/host/clock.ts";

export interface LingerOptions {
  readonly clock: Clock;
  /**
   * Asks the node whether the application still runs, which answers at its end, or after `waitMs` at the latest.
   * Rejects where the node cannot be asked.
   */
  readonly running: (waitMs: number) => Promise<boolean>;
  /** Texts of /proc/self/net/tcp and tcp6: the sockets of the pod's whole network namespace. */
  readonly sockets: () => Promise<readonly string[]>;
}

/**
 * Resolves with the end of the application, as the node tells it. Where the node cannot be asked, its sockets say as much
 * as can be seen from within the pod: an application without any may be cut off while it shuts down.
 */
export async function linger(options: LingerOptions): Promise<void> {
  const left = new AbortController();
  const quiet = untilQuiet(options, left.signal);
  if (await nodeTellsEnd(options)) left.abort();
  await quiet;
}

/** False when the node cannot tell. */
async function nodeTellsEnd({ clock, running }: LingerOptions): Promise<boolean> {
  const begin = clock.now();
  try {
    for (let waitMs = 0; clock.now() - begin < LINGER_KNOWN_MS_MAX; waitMs = RUNNING_WAIT_MS_MAX) {
      if (!(await running(waitMs))) return true;
    }
  } catch {
    // Nobody is there to ask, or nobody who sees processes.
  }
  return false;
}

/** Resolves once no socket of another user has been seen for LINGER_QUIET_MS, within LINGER_MS_MIN and LINGER_MS_MAX. */
async function untilQuiet({ clock, sockets }: LingerOptions, left: AbortSignal): Promise<void> {
  const begin = clock.now();
  let quietSince: number | undefined;
  while (clock.now() - begin < LINGER_MS_MAX && !isAborted(left)) {
    const used = (await sockets()).some(hasForeignSocket);
    const now = clock.now();
    quietSince = used ? undefined : (quietSince ?? now);
    if (quietSince !== undefined && now - quietSince >= LINGER_QUIET_MS && now - begin >= LINGER_MS_MIN) return;
    await clock.sleep(LINGER_POLL_MS, left).catch(() => undefined);
  }
}

/** A function, because the signal changes while we wait and TypeScript assumes it does not. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/**
 * Whether a table of /proc/net/tcp (Linux, Documentation/networking/proc_net_tcp.rst) lists a socket that a process
 * of another user holds. Sockets in TIME_WAIT and others without inode belong to nobody any more.
 */
export function hasForeignSocket(table: string): boolean {
  return table
    .split("\n")
    .slice(1)
    .some((line) => {
      const columns = line.trim().split(/\s+/);
      const [state, uid, inode] = [columns[3], columns[7], columns[9]];
      return uid !== undefined && inode !== undefined && state !== "06" && inode !== "0" && Number(uid) !== PROXY_UID;
    });
}
