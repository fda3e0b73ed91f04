/**
 * Files that an image was built from and that were deleted before its container was first brought up to date: its agent
 * has never heard of them, and a sync removes only what it knows. Pure.
 */
import { comparePaths, type Manifest, type TreeEntry } from "../../../core/sync/manifest.ts";

/**
 * `live` and what only `image` has, to be synced before `live` alone is: then the agent knows of it. Contents need not
 * exist, since the image has them. `undefined` when the image has nothing more.
 */
export function withLeftInImage(live: Manifest, image: Manifest): Manifest | undefined {
  const now = new Map(live.entries.map((entry) => [entry.path, entry]));
  const left = image.entries.filter(({ path }) => !now.has(path) && liesInFolders(path, now));
  if (left.length === 0) return undefined;
  return { entries: [...live.entries, ...left].toSorted((a, b) => comparePaths(a.path, b.path)) };
}

/** What is no folder any more takes all that was below it with it. */
function liesInFolders(path: string, now: ReadonlyMap<string, TreeEntry>): boolean {
  const parts = path.split("/");
  return parts.every((_, depth) => {
    const above = now.get(parts.slice(0, depth).join("/"));
    return above === undefined || above.kind === "directory";
  });
}
