/**
 * States in which something may still be sent to the client or read by it: ESTABLISHED, FIN_WAIT1, CLOSE_WAIT, LAST_ACK,
 * CLOSING (Linux, include/net/tcp_states.h). A client may end its side behind its request and wait for the answer.
 */
const OPEN_STATES: ReadonlySet<string> = new Set(["01", "04", "08", "09", "0B"]);

/** Open connections to one of our `ports` in a table of /proc/net/tcp (Linux, Documentation/networking/proc_net_tcp.rst). */
export function countConnections(table: string, ports: readonly number[]): number {
  return table
    .split("\n")
    .slice(1)
    .filter((line) => {
      const [, local = "", , state = ""] = line.trim().split(/\s+/);
      return OPEN_STATES.has(state) && ports.includes(Number.parseInt(local.split(":")[1] ?? "", 16));
    }).length;
}
