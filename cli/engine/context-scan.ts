/** Reads the build context: what is sent to a builder, and under which name. */
import { createHash } from "node:crypto";
import { scanTree } from "../../core/sync/scan.ts";
import { ignoreFilter } from "../project/ignore.ts";
import type { Project } from "../project/load.ts";
import type { BuildSource } from "./builder-client.ts";

/** @param session names the tree together with a short hash of the context's folder: two checkouts do not mix */
export async function scanContext(project: Project, session: string, signal: AbortSignal): Promise<BuildSource> {
  const ignore = ignoreFilter(project.contextFolder, {
    useGitIgnore: project.config.build.useGitIgnore,
    patterns: project.config.build.ignore,
    keep: [project.dockerfile, ".dockerignore"],
  });
  const manifest = await scanTree(project.contextFolder, { ignore, signal });
  const contextId = createHash("sha256").update(project.contextFolder).digest("hex").slice(0, 12);
  return { root: project.contextFolder, manifest, tree: `${session}/${contextId}` };
}
