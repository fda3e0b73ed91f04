/** After SIGTERM the sidecar stays while the application still uses the network: without us it could reach nobody. */
import { PROXY_UID } from "../../core/contract.ts";
import { LINGER_MS_MAX, LINGER_MS_MIN, LINGER_POLL_MS, LINGER_QUIET_MS } from "../../core/limits.ts";
import type { Clock } from "../../core/host/clock.ts";

export interface LingerOptions {
  readonly clock: Clock;
  /** Texts of /proc/self/net/tcp and tcp6: the sockets of the pod's whole network namespace. */
  readonly sockets: () => Promise<readonly string[]>;
}

/** Resolves once no socket of another user has been seen for LINGER_QUIET_MS, within LINGER_MS_MIN and LINGER_MS_MAX. */
export async function linger(options: LingerOptions): Promise<void> {
  const { clock, sockets } = options;
  const begin = clock.now();
  let quietSince: number | undefined;
  while (clock.now() - begin < LINGER_MS_MAX) {
    const used = (await sockets()).some(hasForeignSocket);
    const now = clock.now();
    quietSince = used ? undefined : (quietSince ?? now);
    if (quietSince !== undefined && now - quietSince >= LINGER_QUIET_MS && now - begin >= LINGER_MS_MIN) return;
    await clock.sleep(LINGER_POLL_MS);
  }
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
