/** The folder in which synced files land, and whether they can. */
import { mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STAGING_NAME } from "./staging.ts";
import { codeOf } from "./system-error.ts";

export interface SyncTarget {
  /** Without symlinks, where it exists. */
  readonly folder: string;
  /** Why nothing can be written there, in words. */
  readonly refusal?: string;
}

/** Makes the folder when it is missing, and tries to make and remove something in it. */
export function openTarget(folder: string): SyncTarget {
  try {
    mkdirSync(folder, { recursive: true });
    const real = realpathSync(folder);
    const probe = join(real, STAGING_NAME);
    rmSync(probe, { recursive: true, force: true });
    mkdirSync(probe);
    writeFileSync(join(probe, "probe"), "");
    rmSync(probe, { recursive: true });
    return { folder: real };
  } catch (error) {
    return { folder, refusal: refusal(folder, codeOf(error)) };
  }
}

function refusal(folder: string, code: string | undefined): string {
  const user = process.getuid?.() ?? "of the container";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `User ${user} may not write in \`${folder}\``;
    case "EROFS":
      return `User ${user} cannot write in \`${folder}\`: the file system is read-only`;
    case "ENOTDIR":
    case "EEXIST":
      return `\`${folder}\` is no folder`;
    case undefined:
    default:
      return `User ${user} cannot write in \`${folder}\` (${code ?? "internal error"})`;
  }
}
