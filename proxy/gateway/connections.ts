/** ESTABLISHED in the state column. */
const ESTABLISHED = "01";

/** Open connections to one of our `ports` in a table of /proc/net/tcp (Linux, Documentation/networking/proc_net_tcp.rst). */
export function countConnections(table: string, ports: readonly number[]): number {
  return table
    .split("\n")
    .slice(1)
    .filter((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      return state === ESTABLISHED && ports.includes(Number.parseInt(local.split(":")[1] ?? "", 16));
    }).length;
}
