/** Whether a build would be the same again: one digest of all that image and release are made from. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { scanTree } from "../../../core/sync/scan.ts";
import { type Expansion, expandText, expandValues } from "../../project/expand.ts";
import { CONFIG_FILE, type Project } from "../../project/load.ts";
import type { SourceTree } from "../live/source-tree.ts";

export interface InputsRequest {
  readonly project: Project;
  readonly tree: SourceTree;
  /** Of all built images: what was built for another place is not there. */
  readonly imagePrefix: string;
  /** Its tag does not count. */
  readonly expansion: Expansion;
  readonly signal: AbortSignal;
}

/**
 * SHA-256 in hex over azds.yaml, its expanded settings, the chart, the values files and the part of the context that
 * does not live in the container.
 * @throws AzdsError CONFIG_INVALID, SOURCE_UNREADABLE
 */
export async function inputsDigest({ project, tree, imagePrefix, expansion, signal }: InputsRequest): Promise<string> {
  const untagged: Expansion = { ...expansion, tokens: { ...expansion.tokens, tag: "" } };
  const { build, install } = project.config;
  const chart = await scanTree(project.chartFolder, { ignore: () => false, signal });
  const parts: readonly unknown[] = [
    imagePrefix,
    readFileSync(join(project.folder, CONFIG_FILE), "utf8"),
    expandValues(install.set, untagged),
    Object.entries(build.args).map(([name, value]) => [name, expandText(value, untagged)]),
    project.valuesFiles.map((file) => readFileSync(file, "utf8")),
    chart.entries,
    tree.fixed().entries,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
