/**
 * What a set of saved files asks for (pure): which update, and the file and rule that decide it. The rules are asked in
 * order of cost, the dearest first. So far every change is brought by a new image; what a running container could take in
 * place will be further kinds of this union.
 */
import { CONFIG_FILE } from "../project/load.ts";

export interface UpdateKind {
  readonly kind: "rebuild";
  /** The changed path that decided, as in the set. */
  readonly path: string;
  /** Why, as the end of a sentence. */
  readonly rule: string;
}

export interface UpdateRules {
  /** Paths relative to azds.yaml's folder, with `/`. */
  readonly dockerfile: string;
  readonly chart: string;
}

interface Rule {
  readonly applies: (path: string, rules: UpdateRules) => boolean;
  readonly says: string;
}

const RULES: readonly Rule[] = [
  { applies: (path) => path === CONFIG_FILE, says: "it says how the service is built and installed" },
  { applies: (path, { chart }) => path.startsWith(`${chart}/`), says: "it belongs to the chart" },
  { applies: (path, { dockerfile }) => path === dockerfile, says: "the image is made by it" },
  { applies: () => true, says: "the image holds it" },
];

/** @param changed at least one path */
export function updateKind(changed: readonly string[], rules: UpdateRules): UpdateKind {
  for (const rule of RULES) {
    const path = changed.find((candidate) => rule.applies(candidate, rules));
    if (path !== undefined) return { kind: "rebuild", path, rule: rule.says };
  }
  return { kind: "rebuild", path: "", rule: "nothing is known of the change" };
}
