/** Whether paths of the target are already as the sender has them: the disk is the truth, for applications write too. */
import { type BigIntStats, lstatSync } from "node:fs";
import type { TreeEntry } from "../../core/sync/manifest.ts";
import { nativePath, readLink } from "../../core/sync/native-path.ts";
import { type HashedFile, hashPath, looksSame } from "../../core/sync/scan.ts";
import { isRightMode } from "./file-mode.ts";
import { type TrackedTree, folderOf } from "./tracked-tree.ts";

export interface InspectorPorts {
  readonly target: string;
  readonly tracked: TrackedTree;
  /** Of files that were read or written; kept up to date. */
  readonly hashes: Map<string, HashedFile>;
}

/** `mode`: a file of that content, with another mode than it should have. */
export type Verdict = "right" | "mode" | "differs";

export class TreeInspector {
  readonly #ports: InspectorPorts;
  /** What lies below one of these is not there, whatever a symlink may show. */
  readonly #missing = new Set<string>();

  constructor(ports: InspectorPorts) {
    this.#ports = ports;
  }

  /** To be asked in the order of a manifest. */
  async inspect(entry: TreeEntry): Promise<Verdict> {
    const { path, kind } = entry;
    const full = `${this.#ports.target}/${path}`;
    const isBelowMissing = this.#missing.has(folderOf(path));
    const stats = isBelowMissing ? undefined : lstatSync(nativePath(full), { bigint: true, throwIfNoEntry: false });
    const before = this.#ports.tracked.get(path);
    switch (kind) {
      case "directory":
        if (stats?.isDirectory() !== true) {
          this.#missing.add(path);
          return "differs";
        }
        return before?.entry.kind === "directory" && before.entry.mode !== entry.mode ? "differs" : "right";
      case "symlink":
        return stats?.isSymbolicLink() === true && readLink(full) === entry.target ? "right" : "differs";
      case "file":
        return stats?.isFile() === true ? this.#inspectFile(full, entry, stats) : "differs";
    }
  }

  async #inspectFile(full: string, entry: TreeEntry, stats: BigIntStats): Promise<Verdict> {
    const { path, size, sha256 = "" } = entry;
    const { hashes, tracked } = this.#ports;
    if (Number(stats.size) !== size) return "differs";
    const known = hashes.get(path);
    const hashed = known !== undefined && looksSame(stats, known) ? known : await hashPath(full);
    if (hashed === undefined) return "differs";
    hashes.set(path, hashed);
    if (hashed.sha256 !== sha256) return "differs";
    const before = tracked.get(path);
    // The application itself wrote what the sender has; a restart would bring back what was synced before.
    if (before !== undefined && before.entry.sha256 !== sha256) return "differs";
    return isRightMode(entry, before, Number(stats.mode) & 0o777) ? "right" : "mode";
  }
}
