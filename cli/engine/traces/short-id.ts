/** Three letters by which a reader sees what belongs together; the same in every terminal. */
import { createHash } from "node:crypto";

const LETTERS = 26;

export function shortId(key: string): string {
  const digest = createHash("sha256").update(key).digest();
  return [0, 1, 2].map((i) => String.fromCharCode(97 + ((digest[i] ?? 0) % LETTERS))).join("");
}

/** The trace of a `traceparent` (W3C Trace Context §3.2.2); `undefined` where it is malformed. */
export function traceOf(
  traceparent: string | undefined,
): { readonly trace: string; readonly parent: string } | undefined {
  const groups = /^[0-9a-f]{2}-(?<trace>[0-9a-f]{32})-(?<parent>[0-9a-f]{16})-/.exec(traceparent ?? "")?.groups;
  const { trace, parent } = groups ?? {};
  return trace === undefined || parent === undefined ? undefined : { trace, parent };
}
