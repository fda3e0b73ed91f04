/** Which paths of the build context never leave the machine: .gitignore files, .dockerignore and `build.ignore`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OWN_PREFIX } from "../../core/sync/back-globs.ts";
import { nameOf, nativePath } from "../../core/sync/native-path.ts";
import ignore, { type Ignore } from "ignore";

export interface IgnoreOptions {
  readonly useGitIgnore: boolean;
  /** Patterns of azds.yaml, in .gitignore's syntax. */
  readonly patterns: readonly string[];
  /** Never ignored, whatever the patterns say: the build needs the Dockerfile. */
  readonly keep: readonly string[];
}

/** What `git init` finds on these systems and writes to `core.ignoreCase`. */
const IGNORES_CASE = process.platform === "darwin" || process.platform === "win32";

/**
 * True for a path (relative to `root`, with `/`) that is not sent.
 * Git's rules: a .gitignore holds for its folder and below; deeper ones win; `.git` is never sent.
 * .dockerignore stays with BuildKit, which reads it from the context; here it only saves the transfer.
 */
export function ignoreFilter(root: string, options: IgnoreOptions): (path: string, isDirectory: boolean) => boolean {
  const perFolder = new Map<string, Ignore | undefined>();
  const docker = matcherOf(join(root, ".dockerignore"), false, dockerToGit);
  const own =
    options.patterns.length === 0 ? undefined : ignore({ ignorecase: IGNORES_CASE }).add([...options.patterns]);
  const gitIgnores = (folder: string): Ignore | undefined => {
    if (!perFolder.has(folder))
      perFolder.set(
        folder,
        matcherOf(`${root}/${folder}/.gitignore`, IGNORES_CASE, (line) => line),
      );
    return perFolder.get(folder);
  };
  return (path, isDirectory) => {
    if (path === ".git" || path.startsWith(".git/") || path.startsWith(OWN_PREFIX, path.lastIndexOf("/") + 1))
      return true;
    if (options.keep.includes(path) || (isDirectory && options.keep.some((kept) => kept.startsWith(`${path}/`))))
      return false;
    const candidate = isDirectory ? `${path}/` : path;
    const decided = own?.test(candidate);
    if (decided?.ignored === true) return true;
    if (decided?.unignored === true) return false;
    if (docker?.ignores(candidate) === true) return true;
    return options.useGitIgnore && ignoredByGit(candidate, gitIgnores);
  };
}

/** The nearest .gitignore that says something about the path decides (gitignore(5), precedence). */
function ignoredByGit(candidate: string, gitIgnores: (folder: string) => Ignore | undefined): boolean {
  const parts = candidate.replace(/\/$/, "").split("/");
  for (let depth = parts.length - 1; depth >= 0; depth -= 1) {
    const folder = parts.slice(0, depth).join("/");
    const verdict = gitIgnores(folder)?.test(folder === "" ? candidate : candidate.slice(folder.length + 1));
    if (verdict?.ignored === true) return true;
    if (verdict?.unignored === true) return false;
  }
  return false;
}

function matcherOf(path: string, ignorecase: boolean, translate: (line: string) => string): Ignore | undefined {
  const file = nativePath(path);
  if (!existsSync(file)) return undefined;
  const lines = nameOf(readFileSync(file)).split(/\r?\n/);
  return ignore({ ignorecase }).add(lines.map(translate));
}

/** .dockerignore patterns are anchored at the context's root; .gitignore's without a slash are not. */
function dockerToGit(line: string): string {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return "";
  const negated = text.startsWith("!");
  const pattern = (negated ? text.slice(1) : text).replace(/^\.?\//, "");
  return `${negated ? "!" : ""}/${pattern}`;
}
