import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rulesAt } from "../../../builder/ask-rules.ts";
import { parseRulesOrder, type RulesAnswer } from "../../../core/redirect-protocol.ts";
import { listenForOrders } from "../../../proxy/rules/server.ts";

const CLIENT = { namespace: "safe", peer: false, pod: { name: "web-1", uid: "9f0c" } };
const PORTS = { kind: "redirect", skipInboundPorts: [22], skipOutboundPorts: [] } as const;
const undo: (() => void)[] = [];
afterEach(() => undo.splice(0).forEach((one) => one()));

function rules(answer: (line: string) => RulesAnswer): string {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  const listener = listenForOrders(join(folder, "rules.sock"), async (line) => Promise.resolve(answer(line)));
  undo.push(
    () => listener.stop(true),
    () => rmSync(folder, { recursive: true }),
  );
  return join(folder, "rules.sock");
}

test("rulesAt() orders for the token's pod, and gives the answer", async () => {
  const orders: unknown[] = [];
  const socket = rules((line) => {
    orders.push(parseRulesOrder(line));
    return { ok: true, running: true };
  });
  expect(await rulesAt(socket)(CLIENT, PORTS)).toEqual({ ok: true, running: true });
  expect(orders).toEqual([{ pod: "9f0c", request: PORTS }]);
});

test("rulesAt() rejects with the reason of the rules", () => {
  const socket = rules(() => ({ ok: false, message: "The pod shares the network of its node" }));
  expect(rulesAt(socket)(CLIENT, PORTS)).rejects.toThrow("The pod shares the network of its node");
});

test("rulesAt() refuses a token without a pod, and says when nobody is there", () => {
  const redirect = rulesAt("/nowhere/rules.sock");
  expect(redirect({ namespace: "safe", peer: false }, PORTS)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(redirect(CLIENT, PORTS)).rejects.toThrow("The container `rules` of this node cannot be asked");
});
