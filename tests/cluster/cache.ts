import { existsSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

/** How many versions of one thing the cache keeps; a checkout of another commit finds its own still there. */
const VERSIONS_KEPT = 3;

/** Notes that a folder of the cache was used now. */
export function markUsed(dir: string): void {
  utimesSync(dir, new Date(), new Date());
}

/** Removes all but the most recently used of the folders named PREFIX and a key. Clusters that run do not need them. */
export function removeOldVersions(dir: string, prefix: string): void {
  if (!existsSync(dir)) return;
  const versions = readdirSync(dir)
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length)))
    .map((name) => ({ path: join(dir, name), used: statSync(join(dir, name)).mtimeMs }))
    .toSorted((one, other) => other.used - one.used);
  for (const { path } of versions.slice(VERSIONS_KEPT)) rmSync(path, { recursive: true, force: true });
}
