/**
 * The sync protocol on a stream of messages, content-addressed:
 *
 *     sender                                    receiver
 *     open, entries…, asked              →
 *                                        ←      lacks… (the last says so)
 *     blob… (bodies of one MiB at most)  →
 *     entries…, gone, asked              →             ⎫ for files that changed while they were read
 *                                        ←      lacks… ⎬
 *     blob…                              →             ⎭
 *     commit                             →
 *                                        ←      committed
 *
 * A sender that knows what the receiver has sends the difference alone, in one go and without asking:
 *
 *     open (base), entries…, gone, blob…, commit →
 *                                        ←      committed, or stale: `base` is not what the receiver has
 *
 * There, `gone` names what leaves `base`, a folder with all below it, before the entries are added, whichever comes first;
 * a file whose content did not come or came as `changed` is left as it was and reported.
 *
 * Nothing of the tree changes before `commit`; blobs stay with the receiver whatever happens to the stream, where it
 * has a place for them.
 */
import { AzdsError } from "../errors.ts";
import { asArray, asNumber, asString, isObject, member } from "../parse.ts";
import { type TreeEntry, parseEntry, parseHash } from "./manifest.ts";

export const SYNC_VERSION = 2;

/** Heads that the sender sends. */
export type SenderHead =
  /** With `base`, a revision that the receiver told: what follows is the difference to it. */
  | { readonly type: "open"; readonly version: typeof SYNC_VERSION; readonly tree: string; readonly base?: string }
  /** Adds entries, or replaces those of the same path. At most SYNC_BATCH_MAX. */
  | { readonly type: "entries"; readonly entries: readonly TreeEntry[] }
  /** Takes entries back. */
  | { readonly type: "gone"; readonly paths: readonly string[] }
  /** What does the receiver lack of the entries so far? */
  | { readonly type: "asked" }
  /** The next bytes of a file's content. `changed`: what was sent of it so far is worth nothing. */
  | { readonly type: "blob"; readonly sha256: string; readonly state: "more" | "last" | "changed" }
  | { readonly type: "commit" };

/** Heads that the receiver sends. */
export type ReceiverHead =
  /** At most SYNC_BATCH_MAX hashes. */
  | { readonly type: "lacks"; readonly hashes: readonly string[]; readonly last: boolean }
  | ({ readonly type: "committed" } & Committed)
  /** Nothing was changed; the sender starts again with the whole tree. */
  | { readonly type: "stale" };

export interface Committed {
  readonly written: number;
  readonly deleted: number;
  /** What to name as `base` of the next difference; absent where the receiver takes whole trees only. */
  readonly revision?: string;
  /** Paths that could not be written or removed, each with the reason in words; all others are as they were sent. */
  readonly failed?: readonly FailedPath[];
}

export interface FailedPath {
  readonly path: string;
  readonly why: string;
}

/** @throws AzdsError PROTOCOL */
export function parseSenderHead(head: unknown): SenderHead {
  const type = member(head, "type");
  if (!isObject(head)) throw unknownHead();
  switch (type) {
    case "open":
      if (head["version"] !== SYNC_VERSION)
        throw new AzdsError("PROTOCOL", "The peer speaks another version of the sync protocol");
      return { type, version: SYNC_VERSION, tree: asString(head["tree"]) ?? "", ...baseOf(head) };
    case "entries":
      return { type, entries: asArray(head["entries"]).map(parseEntry) };
    case "gone":
      return { type, paths: asArray(head["paths"]).flatMap((path) => asString(path) ?? []) };
    case "asked":
    case "commit":
      return { type };
    case "blob":
      return { type, sha256: parseHash(head["sha256"]), state: parseState(head["state"]) };
    default:
      throw unknownHead();
  }
}

/** @throws AzdsError PROTOCOL */
export function parseReceiverHead(head: unknown): ReceiverHead {
  const type = member(head, "type");
  if (type === "lacks") {
    return { type, hashes: asArray(member(head, "hashes")).map(parseHash), last: member(head, "last") === true };
  }
  if (type === "committed") {
    return {
      type,
      written: asNumber(member(head, "written")) ?? 0,
      deleted: asNumber(member(head, "deleted")) ?? 0,
      ...revisionOf(head),
      failed: asArray(member(head, "failed")).map((failed) => ({
        path: asString(member(failed, "path")) ?? "",
        why: asString(member(failed, "why")) ?? "",
      })),
    };
  }
  if (type === "stale") return { type };
  throw unknownHead();
}

function baseOf(head: unknown): { readonly base?: string } {
  const base = asString(member(head, "base"));
  return base === undefined ? {} : { base };
}

function revisionOf(head: unknown): { readonly revision?: string } {
  const revision = asString(member(head, "revision"));
  return revision === undefined ? {} : { revision };
}

function parseState(value: unknown): "more" | "last" | "changed" {
  if (value === "more" || value === "last" || value === "changed") return value;
  throw unknownHead();
}

function unknownHead(): AzdsError {
  return new AzdsError("PROTOCOL", "The peer sent a message that this version of the sync protocol does not know");
}
