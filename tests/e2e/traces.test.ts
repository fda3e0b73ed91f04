/** Requests through parent and child, as `azds trace` shows them on both sides: paired, with their reasons, without secrets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { asArray, asString, at } from "../../core/parse.ts";
import { jsonLines } from "../support/json-lines.ts";
import { ask, deployClient, deployLinks } from "./support/chain.ts";
import { type Developer, enabledCluster, type RunningCommand } from "./support/cluster.ts";
import { untilSome } from "./support/pods.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACES = { "e2e-trace": "root", "e2e-trace-child": "e2e-trace" };
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

let owner: Developer;

beforeAll(async () => {
  owner = await enabledCluster();
  await labelSpaces(SPACES);
  const [parent, child] = ["e2e-trace", "e2e-trace-child"];
  await Promise.all([
    deployClient(),
    deployLinks([
      { space: parent, service: "a", next: "b" },
      { space: parent, service: "b" },
      { space: child, service: "b" },
    ]),
  ]);
  // kube-proxy learns of endpoints a moment after their Deployment is ready.
  await untilSome(async () => ((await ask("http://a.e2e-trace/")).startsWith("200 ") ? "answered" : ""));
}, 120_000);

afterAll(async () => removeSpaces(SPACES), 60_000);

function traces(text: string): readonly unknown[] {
  return jsonLines(text).filter((line) => line["type"] === "trace");
}

/** Asks until the command has shown an answer: its first look at a pod takes a moment. */
async function askUntilShown(commands: readonly RunningCommand[]): Promise<void> {
  const isShown = (): boolean => commands.every((command) => command.output().includes('"phase":"response"'));
  const fields = { traceparent: TRACEPARENT, authorization: "Bearer secret" };
  for (let attempt = 0; attempt < 40 && !isShown(); attempt += 1) {
    expect(await ask("http://a.e2e-trace/?n=1", "e2e-trace-child", fields)).toStartWith("200 ");
    await Bun.sleep(200);
  }
}

test("azds trace pairs what one request caused in parent and child, says why, and shows no secret", async () => {
  const har = join(owner.home, "shop.har");
  const parent = owner.start(["trace", "-n", "e2e-trace", "--bodies", "--har", har, "-o", "json"]);
  const child = owner.start(["trace", "b", "-n", "e2e-trace-child", "-o", "json"]);
  await askUntilShown([parent, child]);
  expect(await Promise.all([parent.stop("SIGINT"), child.stop("SIGINT")])).toEqual([0, 0]);

  const [above, below] = [traces(parent.output()), traces(child.output())];
  const seen = (of: readonly unknown[], direction: string): unknown =>
    of.find((trace) => at(trace, "phase") === "response" && at(trace, "request", "direction") === direction);
  const [into, out, arrived] = [seen(above, "in"), seen(above, "out"), seen(below, "in")];
  expect(into).toMatchObject({
    service: "a",
    request: { path: "/?n=1", space: "e2e-trace-child", source: "header", reason: "here" },
    response: { status: 200, complete: true },
  });
  expect(out).toMatchObject({ request: { reason: "space" }, response: { service: "e2e-trace-child/b", status: 200 } });
  expect(arrived).toMatchObject({ service: "b", request: { reason: "marked" }, response: { status: 200 } });
  expect(new Set([into, out, arrived].map((trace) => at(trace, "id"))).size).toBe(1);

  expect(parent.output()).not.toContain("secret");
  expect(asArray(at(into, "response", "request", "fields"))).toContainEqual(["authorization", "[redacted]"]);
  expect(asString(at(into, "response", "response", "body", "text"))).toContain("b.e2e-trace-child");
  const entries = asArray(at(JSON.parse(readFileSync(har, "utf8")), "log", "entries"));
  expect(entries.length).toBeGreaterThan(0);
}, 60_000);

test("azds trace shows a line for each message, and only what is asked for", async () => {
  const text = owner.start(["trace", "a", "-n", "e2e-trace", "--service", "b", "--status", "2xx"]);
  for (let attempt = 0; attempt < 40; attempt += 1) {
    await ask("http://a.e2e-trace/", undefined, { traceparent: TRACEPARENT });
    await Bun.sleep(200);
    if (/<-[a-z]{3}--/.test(text.output())) break;
  }
  expect(await text.stop("SIGINT")).toBe(0);
  expect(text.output()).toMatch(/^a-\S+ --(?<id>[a-z]{3})-> b: GET \/$/m);
  expect(text.output()).toMatch(/^a-\S+ <-[a-z]{3}-- e2e-trace\/b: 200 GET \/ [\d.]+ms, \d+ B$/m);
  expect(text.output()).not.toContain("-> a-");
}, 60_000);
