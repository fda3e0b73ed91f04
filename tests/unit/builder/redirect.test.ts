import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redirectThrough } from "../../../builder/redirect.ts";
import { parseRulesOrder, type RulesAnswer } from "../../../core/redirect-protocol.ts";
import { listenForOrders } from "../../../proxy/rules/server.ts";

const CLIENT = { namespace: "safe", peer: false, pod: { name: "web-1", uid: "9f0c" } };
const PORTS = { skipInboundPorts: [22], skipOutboundPorts: [] };
const undo: (() => void)[] = [];
afterEach(() => undo.splice(0).forEach((one) => one()));

function rules(answer: (line: string) => RulesAnswer): string {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  const listener = listenForOrders(join(folder, "rules.sock"), answer);
  undo.push(
    () => listener.stop(true),
    () => rmSync(folder, { recursive: true }),
  );
  return join(folder, "rules.sock");
}

test("redirectThrough() orders the redirect of the token's pod", async () => {
  const orders: unknown[] = [];
  const socket = rules((line) => {
    orders.push(parseRulesOrder(line));
    return { ok: true };
  });
  await redirectThrough(socket)(CLIENT, PORTS);
  expect(orders).toEqual([{ pod: "9f0c", ...PORTS }]);
});

test("redirectThrough() rejects with the reason of the rules", () => {
  const socket = rules(() => ({ ok: false, message: "The pod shares the network of its node" }));
  expect(redirectThrough(socket)(CLIENT, PORTS)).rejects.toThrow("The pod shares the network of its node");
});

test("redirectThrough() refuses a token without a pod, and says when nobody is there", () => {
  const redirect = redirectThrough("/nowhere/rules.sock");
  expect(redirect({ namespace: "safe", peer: false }, PORTS)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(redirect(CLIENT, PORTS)).rejects.toThrow("The container `rules` of this node cannot be asked");
});
