/** The folder in which synced files land, and whether they can. */
import { mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENT_FOLDER } from "../../core/contract.ts";
import { STAGING_NAME } from "./staging.ts";
import { codeOf } from "./system-error.ts";

export interface SyncTarget {
  /** Without symlinks, where it exists. */
  readonly folder: string;
  /** Absent where files can be written. */
  readonly refusal?: TargetRefusal;
}

export interface TargetRefusal {
  /** Why nothing can be written there, in words. */
  readonly why: string;
  /** A volume over the folder would do away with it. */
  readonly volumeHelps: boolean;
}

/** Makes the folder when it is missing, and tries to make and remove something in it. */
export function openTarget(folder: string): SyncTarget {
  try {
    mkdirSync(folder, { recursive: true });
    const real = realpathSync(folder);
    const ours = reservedFor(real);
    if (ours !== undefined) return { folder: real, refusal: { why: ours, volumeHelps: false } };
    const probe = join(real, STAGING_NAME);
    rmSync(probe, { recursive: true, force: true });
    mkdirSync(probe);
    writeFileSync(join(probe, "probe"), "");
    rmSync(probe, { recursive: true });
    return { folder: real };
  } catch (error) {
    return { folder, refusal: refusalOf(folder, codeOf(error)) };
  }
}

/** A project's `bin`, `lib` or `etc` would take the place of the system's: often these are symlinks, which a sync replaces. */
function reservedFor(real: string): string | undefined {
  if (real === "/") return "Files cannot be brought to `/`, where they would lie among those of the system";
  const isOurs = real === AGENT_FOLDER || real.startsWith(`${AGENT_FOLDER}/`);
  return isOurs ? `Files cannot be brought to \`${real}\`, which is azds's own` : undefined;
}

function refusalOf(folder: string, code: string | undefined): TargetRefusal {
  const user = process.getuid?.() ?? "of the container";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return { why: `User ${user} may not write in \`${folder}\``, volumeHelps: true };
    case "EROFS":
      return { why: `User ${user} cannot write in \`${folder}\`: the file system is read-only`, volumeHelps: true };
    case "ENOTDIR":
    case "EEXIST":
      return { why: `\`${folder}\` is no folder`, volumeHelps: false };
    case undefined:
    default:
      return { why: `User ${user} cannot write in \`${folder}\` (${code ?? "internal error"})`, volumeHelps: false };
  }
}
