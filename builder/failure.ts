/** Why a build failed, from what `buildctl` said at its end, in words that lead to the line to mend. */
import type { BuildEvent } from "../core/builder-protocol.ts";

type Failure = Extract<BuildEvent, { readonly type: "failed" }>;

export interface FailureFacts {
  /** Lines of buildctl's stderr that are no progress. */
  readonly said: readonly string[];
  /** Last output of the step that failed. */
  readonly log: readonly string[];
}

/** buildctl prints the place before an excerpt of the file: `Dockerfile:3`, then a line of dashes. */
const PLACE = /^(?<file>.+):(?<line>\d+)$/;
const RULE = /^-{20}$/;
const ERROR = /^error: (?:failed to solve: )?(?<text>.*)$/s;
/** What buildctl says when nobody listens on the socket, or the listener goes away in the middle. */
const UNREACHABLE = /Unavailable|connection error|error reading from server|failed to list workers/;

/** What the registry said when it did not take the image. The client words the rest itself, with a digest in the middle. */
const NOT_TAKEN = /^failed to push (?<image>\S+): (?<why>.*)$/s;
const STATUS = /^unexpected status from \S+ request to \S+?: (?<status>.*)$/s;

/** What the BuildKit of older Dockers (20.10) puts before the cause. */
const WRAPPED =
  /^(?:rpc error: code = \w+ desc = |failed to solve with frontend \S+: |failed to create LLB definition: )+/;

/** How BuildKit words a failure → how a developer would. The groups fill `$1`, `$2`. */
const REWORDED: readonly (readonly [pattern: RegExp, words: string])[] = [
  [
    /^process "(?:\/bin\/sh -c )?(.*)" did not complete successfully: exit code: (\d+)$/s,
    "`$1` ended with exit code $2",
  ],
  [/^executor failed running \[(?:\/bin\/sh -c )?(.*)\]: exit code: (\d+)$/s, "`$1` ended with exit code $2"],
  [/^failed to compute cache key: "\/?(.*)" not found: not found$/s, "`$1` is not in the build context"],
  [/^dockerfile parse error line (\d+): (.*)$/s, "Line $1 of the Dockerfile: $2"],
  [/^.*failed to calculate checksum of ref [^"]*"\/?(.*)": not found$/s, "`$1` is not in the build context"],
  [/^dockerfile parse error on line \d+: (.*)$/s, "$1"],
  [
    /^failed to read dockerfile: open (?:\/.*\/buildkit-mount\d+\/)?(.*): no such file or directory$/s,
    "The Dockerfile `$1` is not in the build context",
  ],
  [/^target stage "?(.*?)"? could not be found$/s, "The Dockerfile has no stage `$1`"],
];

export function explainFailure({ said, log }: FailureFacts): Failure {
  const error = errorText(said);
  if (UNREACHABLE.test(error)) {
    return { type: "failed", code: "BUILDER_UNAVAILABLE", message: `BuildKit does not answer: ${error}` };
  }
  const taken = NOT_TAKEN.exec(error)?.groups;
  if (taken !== undefined) {
    const { image = "", why = "" } = taken;
    const reason = STATUS.exec(why)?.groups?.["status"] ?? why;
    return { type: "failed", code: "PUSH_FAILED", message: `The registry did not take \`${image}\`: ${reason}` };
  }
  const place = placeOf(said);
  const cause = `${place === undefined ? "" : `${place}: `}${reword(error)}`;
  return { type: "failed", code: "BUILD_FAILED", message: [cause, ...log].join("\n") };
}

function errorText(said: readonly string[]): string {
  const start = said.findLastIndex((line) => line.startsWith("error: "));
  const text = said.slice(Math.max(start, 0)).join("\n").trim();
  return (ERROR.exec(text)?.groups?.["text"] ?? text).replace(WRAPPED, "");
}

/** `<file>:<line>` of the innermost place, where BuildKit knows one. */
function placeOf(said: readonly string[]): string | undefined {
  const index = said.findIndex((line, at) => PLACE.test(line) && RULE.test(said[at + 1] ?? ""));
  const groups = PLACE.exec(said[index] ?? "")?.groups;
  return groups === undefined ? undefined : `${groups["file"]}:${groups["line"]}`;
}

function reword(error: string): string {
  for (const [pattern, words] of REWORDED) {
    if (pattern.test(error)) return error.replace(pattern, words);
  }
  return error === "" ? "BuildKit gave no reason" : error;
}
