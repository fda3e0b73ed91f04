import { expect, test } from "bun:test";
import { debugConnections, isDebugged } from "../../../../agent/host/debugger.ts";

const HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";

/** One connection with this local port (hexadecimal) and state. */
function table(port: string, state: string): string {
  return `${HEADING}\n   0: 0100007F:${port} 0100007F:D431 ${state} 00000000:00000000 00:00000000 00000000  1000\n`;
}

test.each([
  ["240D", "01", true, "Node's inspector in use"],
  ["240D", "0A", false, "Node's inspector that only listens"],
  ["138D", "01", true, "JDWP in use"],
  ["1F90", "01", false, "an ordinary connection"],
] as const)("a connection at port %s in state %s: %s (%s)", (port, state, expected) => {
  expect(debugConnections(table(port, state))).toBe(expected);
});

test("an empty table holds no debugger, nor does a process that is gone", () => {
  expect(debugConnections("")).toBe(false);
  expect(isDebugged([0])).toBe(false);
});
