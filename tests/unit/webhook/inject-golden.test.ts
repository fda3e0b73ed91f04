/** Golden pods; tests/golden/README.md says how to read and how to renew them. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { asArray, asNumber, asString, asStringRecord, at, isObject } from "../../../core/parse.ts";
import { describeWarning } from "../../../webhook/reasons.ts";
import { inject, type InjectInput } from "../../../webhook/inject.ts";
import { applyPatch } from "./support/apply-patch.ts";
import { settings } from "./support/settings.ts";

const FOLDER = join(import.meta.dir, "../../golden/inject");
const cases = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".pod.yaml"))
  .map((file) => file.replace(".pod.yaml", ""))
  .toSorted();

describe("inject() golden pods", () => {
  for (const name of cases) {
    test(name, async () => {
      const expected = Bun.file(join(FOLDER, `${name}.expected.yaml`));
      const actual = outcome(await readCase(name));
      if (Bun.env["UPDATE_GOLDEN"] === "1") await expected.write(`${Bun.YAML.stringify(actual, null, 2)}\n`);
      expect(actual).toEqual(Bun.YAML.parse(await expected.text()));
    });

    test(`${name}: a second admission changes nothing`, async () => {
      const input = await readCase(name);
      const once = applyPatch(input.pod, inject(input).operations);
      if (!isObject(once)) throw new Error("No pod");
      const again = inject({ ...input, pod: once });
      expect(again.operations).toEqual([]);
      expect(again.kind).toBe("skip");
    });
  }
});

async function readCase(name: string): Promise<InjectInput> {
  const documents = asArray(Bun.YAML.parse(`${await Bun.file(join(FOLDER, `${name}.pod.yaml`)).text()}\n---\n`));
  const [pod, around] = documents;
  if (!isObject(pod)) throw new Error("The first document must be a pod");
  const namespace = at(around, "namespace") ?? {
    name: "alice",
    labels: { "azds.io/space": "true", "azds.io/parent-space": "dev" },
  };
  const ancestors = at(around, "ancestors");
  const edits = asNumber(at(around, "edited"));
  return {
    pod,
    namespace: { name: asString(at(namespace, "name")) ?? "", labels: asStringRecord(at(namespace, "labels")) },
    ancestors: ancestors === undefined ? ["dev"] : asArray(ancestors).flatMap((each) => asString(each) ?? []),
    record: {
      lastNode: asString(at(around, "lastNode")) ?? "",
      container: {
        command: words(at(around, "container", "command")),
        syncTarget: asString(at(around, "container", "syncTarget")) ?? "",
        attended: at(around, "container", "attended") === true,
        volume: asString(at(around, "container", "volume")) ?? "",
        buildCommands: asArray(at(around, "container", "buildCommands")).map(words),
        awaitExec: at(around, "container", "awaitExec") === true,
      },
      edits: edits === undefined ? undefined : { edits: 2, id: "5e", build: edits, nodes: ["node2"], pods: [] },
    },
    settings,
  };
}

function words(list: unknown): readonly string[] {
  return asArray(list).flatMap((word) => asString(word) ?? []);
}

/** Through JSON, as the API server gets it. */
function outcome(input: InjectInput): unknown {
  const result = inject(input);
  return JSON.parse(
    JSON.stringify({
      result: result.kind === "skip" ? `skip ${result.reason}` : "patch",
      ...(result.kind === "patch" && result.warnings.length > 0
        ? { warnings: result.warnings.map(describeWarning) }
        : {}),
      pod: applyPatch(input.pod, result.operations),
    }),
  ) as unknown;
}
