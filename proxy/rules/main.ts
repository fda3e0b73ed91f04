/**
 * `__rules`, beside the builder of a node: writes the redirect into the network of a pod that may not do it itself, and
 * tells whether a pod's application still runs. It listens on a socket that only the builder has, knows no token and no
 * API server, and takes from an order no more than a UID and numbers.
 */
import { chmodSync, closeSync, rmSync } from "node:fs";
import { HOST_PROC, PROGRAM, RULES_SOCKET } from "../../core/contract.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { RUNNING_POLL_MS } from "../../core/limits.ts";
import { parseRulesOrder, type RulesAnswer, type RulesOrder, type RulesReply } from "../../core/redirect-protocol.ts";
import { applyRedirect } from "../init/apply.ts";
import { planRedirect } from "../init/plan.ts";
import { openInNetwork } from "./enter.ts";
import { openPodNetwork } from "./pod-network.ts";
import { applicationOf, isAlive } from "./pod-processes.ts";
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
    const listener = listenForOrders(RULES_SOCKET, async (line) => answerTo(line, carryOut));
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

type CarryOut = (order: RulesOrder) => Promise<RulesReply>;

function orderCarrier(log: Log): CarryOut {
  const inNetwork = openInNetwork();
  return async ({ pod, request }) => {
    if (request.kind === "running") return { ok: true, running: await isStillRunning(pod, request.waitMs) };
    const network = openPodNetwork(HOST_PROC, pod);
    try {
      const { missing } = inNetwork(network, () => applyRedirect(planRedirect(request)));
      log("info", "Redirected", { pod, ...(missing === undefined ? {} : { withoutIpv6: missing }) });
      return { ok: true };
    } finally {
      closeSync(network);
    }
  };
}

async function isStillRunning(pod: string, waitMs: number): Promise<boolean> {
  const end = systemClock.now() + waitMs;
  let seen = applicationOf(HOST_PROC, pod);
  while (seen.length > 0) {
    if (systemClock.now() >= end) return true;
    await systemClock.sleep(RUNNING_POLL_MS);
    seen = seen.filter((process) => isAlive(HOST_PROC, process));
    // They may have left others behind.
    if (seen.length === 0) seen = applicationOf(HOST_PROC, pod);
  }
  return false;
}

async function answerTo(line: string, carryOut: CarryOut): Promise<RulesAnswer> {
  try {
    return await carryOut(parseRulesOrder(line));
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
