/** What each program loads at its start, from the list that the build writes. */
import { beforeAll, expect, test } from "bun:test";
import { asArray, asString, at, isObject, type JsonObject } from "../../core/parse.ts";
import { ensureBuilt, METAFILE } from "./executable.ts";

let outputs: JsonObject = {};

beforeAll(async () => {
  await ensureBuilt();
  const meta = (await Bun.file(METAFILE).json()) as unknown;
  const found = at(meta, "outputs");
  outputs = isObject(found) ? found : {};
});

/** Source files in the chunk of `entry` and in all chunks that it imports statically. */
function inputsOf(entry: string): readonly string[] {
  const start = Object.entries(outputs).find(([, output]) => at(output, "entryPoint") === entry)?.[0];
  if (start === undefined) throw new Error(`${entry} has no chunk of its own`);
  const seen = new Set<string>();
  const waiting = [start];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const statically = asArray(at(outputs[path], "imports")).filter((one) => at(one, "kind") === "import-statement");
    waiting.push(...statically.flatMap((one) => asString(at(one, "path")) ?? []).filter((name) => name in outputs));
  }
  return [...seen].flatMap((path) => Object.keys((at(outputs[path], "inputs") as JsonObject | undefined) ?? {}));
}

test.each([
  ["proxy/sidecar/main.ts", ["proxy/", "core/"]],
  ["proxy/sidecar/worker.ts", ["proxy/", "core/"]],
  ["proxy/rules/main.ts", ["proxy/", "core/"]],
  ["proxy/init/main.ts", ["proxy/", "core/"]],
  ["proxy/sidecar/ready.ts", ["proxy/", "core/"]],
  ["agent/build/main.ts", ["agent/", "core/"]],
  ["agent/host/main.ts", ["agent/", "core/"]],
  ["builder/main.ts", ["builder/", "core/"]],
  ["webhook/main.ts", ["webhook/", "core/", "proxy/http/"]],
  ["cli/main.ts", ["cli/main.ts", "core/contract.ts"]],
])("%s loads nothing outside %j", (entry, allowed) => {
  const inputs = inputsOf(entry);
  expect(inputs).toContain(entry);
  expect(inputs.filter((input) => !allowed.some((prefix) => input.startsWith(prefix)))).toEqual([]);
});

test("the terminal view is loaded by nobody who does not show it", () => {
  const before = inputsOf("cli/run.ts");
  expect(before.filter((input) => /node_modules\/(?:ink|react|@kubernetes)\//.test(input))).toEqual([]);
});
