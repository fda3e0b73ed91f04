/** Saves in the project's folders, as sets of changes: what one save, a branch switch or a code generator touches comes together. */
import { relative } from "node:path";
import { watch } from "chokidar";
import { SAVE_SETTLE_MS } from "../../core/limits.ts";
import { ignoreFilter } from "../project/ignore.ts";
import type { Project } from "../project/load.ts";

/** Paths relative to azds.yaml's folder, each once, in the order of their first change. */
export type ChangeSet = readonly string[];

/** Yields until the signal. Changes that come while the consumer is busy wait for it in one set. */
export async function* watchContext(project: Project, signal: AbortSignal): AsyncGenerator<ChangeSet, void, void> {
  const changed = new Set<string>();
  let wake = Promise.withResolvers<void>();
  const ignored = ignoreFilter(project.contextFolder, {
    useGitIgnore: project.config.build.useGitIgnore,
    patterns: project.config.build.ignore,
    keep: [project.dockerfile],
  });
  const isIgnored = (path: string, stats?: { readonly isDirectory: () => boolean }): boolean => {
    const inContext = relative(project.contextFolder, path).replaceAll("\\", "/");
    // The chart and azds.yaml may be ignored for the build, but a change of theirs counts.
    if (
      inContext === "" ||
      inContext.startsWith("..") ||
      isBelow(path, project.chartFolder) ||
      path.endsWith("azds.yaml")
    )
      return false;
    return ignored(inContext, stats?.isDirectory() === true);
  };
  // `atomic` would hold back deletions; the settling time below does that for every kind of save.
  const watcher = watch([project.folder, project.contextFolder, project.chartFolder], {
    ignoreInitial: true,
    atomic: false,
    ignored: isIgnored,
  });
  watcher.on("all", (_event, path) => {
    changed.add(relative(project.folder, path).replaceAll("\\", "/"));
    wake.resolve();
  });
  // `wake` is replaced after each set, so the current one is looked up.
  const stop = (): void => wake.resolve();
  signal.addEventListener("abort", stop, { once: true });
  try {
    while (!signal.aborted) {
      await wake.promise;
      await settled(changed, signal);
      if (signal.aborted) return;
      const set = [...changed];
      // Before the consumer works: what changes meanwhile belongs to the next set.
      changed.clear();
      wake = Promise.withResolvers<void>();
      if (set.length > 0) yield set;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await watcher.close();
  }
}

/** Returns once no path was added for SAVE_SETTLE_MS. */
async function settled(changed: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  for (let before = -1; before !== changed.size && !signal.aborted;) {
    before = changed.size;
    await Bun.sleep(SAVE_SETTLE_MS);
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
