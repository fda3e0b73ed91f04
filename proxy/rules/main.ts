/**
 * `__rules`, beside the builder of a node: writes the redirect into the network of a pod that may not do it itself, and
 * nothing else. It listens on a socket that only the builder has, knows no token and no API server, and takes from an
 * order no more than a UID and port numbers.
 */
import { chmodSync, closeSync, rmSync } from "node:fs";
import { HOST_PROC, PROGRAM, RULES_SOCKET } from "../../core/contract.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { parseRulesOrder, type RulesAnswer, type RulesOrder } from "../../core/redirect-protocol.ts";
import { applyRedirect } from "../init/apply.ts";
import { planRedirect } from "../init/plan.ts";
import { openInNetwork } from "./enter.ts";
import { openPodNetwork } from "./pod-network.ts";
import { listenForOrders } from "./server.ts";

/** Runs until SIGTERM or SIGINT. 0 then; 1 when it cannot start. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.rules);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  try {
    const carryOut = orderCarrier(log);
    // A killed one has left its socket behind.
    rmSync(RULES_SOCKET, { force: true });
    const listener = listenForOrders(RULES_SOCKET, (line) => answerTo(line, carryOut));
    // The builder is another user. Nobody else has the folder.
    chmodSync(RULES_SOCKET, 0o666);
    log("info", "Waiting for orders", { socket: RULES_SOCKET });
    await stopped;
    listener.stop(true);
    return 0;
  } catch (error) {
    log("error", "The rules cannot be served", { error: messageOf(error) });
    return 1;
  }
}

function orderCarrier(log: Log): (order: RulesOrder) => void {
  const inNetwork = openInNetwork();
  return (order) => {
    const network = openPodNetwork(HOST_PROC, order.pod);
    try {
      const { missing } = inNetwork(network, () => applyRedirect(planRedirect(order)));
      log("info", "Redirected", { pod: order.pod, ...(missing === undefined ? {} : { withoutIpv6: missing }) });
    } finally {
      closeSync(network);
    }
  };
}

function answerTo(line: string, carryOut: (order: RulesOrder) => void): RulesAnswer {
  try {
    carryOut(parseRulesOrder(line));
    return { ok: true };
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
