/** Whether somebody holds the application in a debugger: it may stand still then, and should not be killed for it. */
import { readFileSync } from "node:fs";

/** Where debuggers listen unless told otherwise: Node's inspector, debugpy, JDWP, Delve, .NET's and Ruby's. */
const DEBUG_PORTS: ReadonlySet<number> = new Set([9229, 9230, 5678, 5005, 2345, 4711, 12_345]);
/** State of a connection in /proc/net/tcp (kernel, net/tcp_states.h). */
const ESTABLISHED = "01";

/** @param pids processes of the application */
export function isDebugged(pids: readonly number[]): boolean {
  return (
    pids.some(isTraced) || debugConnections(readTable("/proc/net/tcp")) || debugConnections(readTable("/proc/net/tcp6"))
  );
}

/** By ptrace(2), as gdb, Delve and strace do. */
function isTraced(pid: number): boolean {
  return /^TracerPid:\t[1-9]/m.test(readTable(`/proc/${pid}/status`));
}

/** A line of the table: number, local and remote address as `hex:port`, state, …; the first one is the heading. */
export function debugConnections(table: string): boolean {
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return state === ESTABLISHED && DEBUG_PORTS.has(Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16));
  });
}

/** Empty where it cannot be read: a process may have ended. */
function readTable(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
