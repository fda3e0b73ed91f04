/** Saves in the project's folders, as sets of changes: what one save, a branch switch or a code generator touches comes together. */
import { join, relative } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import { AzdsError } from "../../../core/errors.ts";
import { LONE_SAVE_SETTLE_MS, SAVE_SETTLE_MS, SECOND_LOOK_PATHS_MIN } from "../../../core/limits.ts";
import { asString, member } from "../../../core/parse.ts";
import { ignoreFilter } from "../../project/ignore.ts";
import { CONFIG_FILE, type Project } from "../../project/load.ts";

export interface ChangeSet {
  /** Files, relative to azds.yaml's folder, each once, in the order of their first change. */
  readonly paths: readonly string[];
  /** Folders that came or went, likewise. */
  readonly folders: readonly string[];
  /** What came, went or was renamed, as the system itself says; relative to azds.yaml's folder. */
  readonly moved: readonly string[];
  /** When the first was told; of `performance.now()`. */
  readonly at: number;
}

export interface ContextWatch {
  /** From here on no change is missed. @throws AzdsError WATCH_LIMIT */
  readonly ready: Promise<void>;
  /**
   * Yields until the signal; for one consumer. Changes that come while it is busy wait for it in one set.
   * @throws AzdsError WATCH_LIMIT when a folder that came later cannot be watched
   */
  readonly changes: () => AsyncGenerator<ChangeSet, void, void>;
  /** The files that are told until there was silence for `ms`: for work so dear that it should not be done twice. */
  readonly quiet: (ms: number) => Promise<readonly string[]>;
}

/** Watches from the call until the signal. */
export function watchContext(project: Project, signal: AbortSignal): ContextWatch {
  const gathering = new Gathering(project.folder);
  const ready = Promise.withResolvers<void>();
  let failure: AzdsError | undefined;
  const watcher = watchFolders(project, gathering, (error) => {
    failure ??= error;
    ready.reject(error);
    gathering.wake();
  });
  watcher.once("ready", () => ready.resolve());
  // Whoever waits for it is told; whoever only looks for changes, by them.
  ready.promise.catch(() => undefined);
  const stop = (): void => {
    gathering.wake();
    ready.resolve();
    void watcher.close();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  async function* changes(): AsyncGenerator<ChangeSet, void, void> {
    while (!signal.aborted) {
      await gathering.woken();
      if (failure !== undefined) throw failure;
      await Bun.sleep(LONE_SAVE_SETTLE_MS);
      if (!gathering.isLoneSave) await settled(() => gathering.events, SAVE_SETTLE_MS, signal);
      if (signal.aborted) return;
      const set = gathering.take();
      if (set.paths.length + set.folders.length + set.moved.length > 0) yield set;
    }
  }
  const quiet = async (ms: number): Promise<readonly string[]> => {
    await settled(() => gathering.events, ms, signal);
    return gathering.take().paths;
  };
  return { ready: ready.promise, changes, quiet };
}

/** `atomic` would hold back deletions; the settling time does that for every kind of save. */
function watchFolders(project: Project, gathering: Gathering, onLimit: (error: AzdsError) => void): FSWatcher {
  const ignored = ignoredIn(project);
  const folders = [project.folder, project.contextFolder, project.chartFolder];
  const watcher = watch(folders, { ignoreInitial: true, atomic: false, ignored });
  watcher.on("error", (error) => {
    const limit = limitReached(error);
    if (limit !== undefined) onLimit(limit);
  });
  watcher.on("all", (event, path) => gathering.note(event, path));
  watcher.on("raw", (event, name, details) => {
    const folder = asString(member(details, "watchedPath"));
    if (typeof name !== "string" || folder === undefined) return;
    const path = join(folder, name);
    if (ignored(path)) return;
    // Of a name that is not UTF-8 nothing else is told, for there is no file of the name that is told.
    if (name.includes("\uFFFD")) gathering.note(event, path);
    else if (event === "rename") gathering.noteMoved(path);
  });
  return watcher;
}

/** The set of changes that the next to ask is given. */
class Gathering {
  readonly #folder: string;
  /** By path: whether it is a folder. */
  readonly #changed = new Map<string, boolean>();
  readonly #moved = new Set<string>();
  #at = 0;
  #events = 0;
  /** All of them are files written over where they lie. */
  #isPlain = true;
  #wake = Promise.withResolvers<void>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Counts what was told since the last set was taken. */
  get events(): number {
    return this.#events;
  }

  get isLoneSave(): boolean {
    return this.#events <= 1 && this.#isPlain;
  }

  note(event: string, path: string): void {
    if (this.#changed.size === 0) [this.#at, this.#events, this.#isPlain] = [performance.now(), 0, true];
    this.#events += 1;
    this.#isPlain &&= event === "change";
    this.#changed.set(this.#shown(path), event.endsWith("Dir"));
    this.wake();
  }

  /** Beyond a certain number all files are read anyway. */
  noteMoved(path: string): void {
    if (this.#moved.size >= SECOND_LOOK_PATHS_MIN) return;
    this.#moved.add(this.#shown(path));
    this.wake();
  }

  wake(): void {
    this.#wake.resolve();
  }

  async woken(): Promise<void> {
    await this.#wake.promise;
  }

  /** Before the consumer works: what changes meanwhile belongs to the next set. */
  take(): ChangeSet {
    const told = [...this.#changed];
    const only = (isFolder: boolean): readonly string[] =>
      told.filter(([, folder]) => folder === isFolder).map(([path]) => path);
    const set = { paths: only(false), folders: only(true), moved: [...this.#moved], at: this.#at };
    this.#changed.clear();
    this.#moved.clear();
    this.#events = 0;
    this.#wake = Promise.withResolvers<void>();
    return set;
  }

  #shown(path: string): string {
    return relative(this.#folder, path).replaceAll("\\", "/");
  }
}

/** Without a watch a save would go unnoticed for ever; what else goes wrong with a folder, its reading tells. */
function limitReached(error: unknown): AzdsError | undefined {
  const code = asString(member(error, "code")) ?? "";
  const limit = LIMITS[code];
  if (limit === undefined) return undefined;
  return new AzdsError("WATCH_LIMIT", `The project's folders cannot be watched: ${limit} (${code})`, { cause: error });
}

/** inotify(7), ERRORS. */
const LIMITS: Readonly<Record<string, string>> = {
  EMFILE: "this user's limit of open files or of inotify instances (`fs.inotify.max_user_instances`) is reached",
  ENFILE: "the system's limit of open files is reached",
  ENOSPC: "this user's limit of watched folders (`fs.inotify.max_user_watches`) is reached",
};

type Ignored = (path: string, stats?: { readonly isDirectory: () => boolean }) => boolean;

/** The build's own rules; the chart and azds.yaml may be ignored for the build, but a change of theirs counts. */
function ignoredIn(project: Project): Ignored {
  const ignored = ignoreFilter(project.contextFolder, {
    useGitIgnore: project.config.build.useGitIgnore,
    patterns: project.config.build.ignore,
    keep: [project.dockerfile],
  });
  return (path, stats) => {
    const inContext = relative(project.contextFolder, path).replaceAll("\\", "/");
    const isOutside = inContext === "" || inContext.startsWith("..");
    if (isOutside || isBelow(path, project.chartFolder) || path.endsWith(CONFIG_FILE)) return false;
    return ignored(inContext, stats?.isDirectory() === true);
  };
}

/** Returns once nothing was told for `ms`. */
async function settled(events: () => number, ms: number, signal: AbortSignal): Promise<void> {
  for (let before = -1; before !== events() && !signal.aborted;) {
    before = events();
    await Bun.sleep(ms);
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
