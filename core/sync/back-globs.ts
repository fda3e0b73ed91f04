/** Which files come back from a container: globs relative to the build context; those behind `!` take out. Pure. */
/** `**` leads into none of these; a glob that names one does. */
const LARGE_FOLDERS: ReadonlySet<string> = new Set(["node_modules"]);

/** Names that never come back, in any case of letters: what lies there decides what runs on the developer's machine. */
const KEPT_OUT: ReadonlySet<string> = new Set([".git", "git~1", "azds.yaml"]);

/** Of our own temporary names, on both sides. */
export const OWN_PREFIX = ".azds-";

/** Why a glob cannot be used, as the end of a sentence that begins with it. */
export function unsuitableGlob(glob: string): string | undefined {
  const pattern = glob.startsWith("!") ? glob.slice(1) : glob;
  const segments = pattern.split("/");
  if (/^(?:[/~\\]|[A-Za-z]:)/.test(pattern)) return "must be relative to the build context";
  if (segments.some(isHalfOpen)) return "must not have a `/` within `{…}`";
  if (segments.some((segment) => segment === ".." || segment === "." || segment === ""))
    return "must not have `..`, `.` or an empty name between slashes";
  if (segments.every((segment) => /^\*+$/.test(segment))) return "names every file; name those that are wanted";
  if (segments.some(isKeptOut)) return "names what never comes from a container";
  return undefined;
}

export class BackGlobs {
  readonly #including: readonly GlobPath[];
  readonly #excluding: readonly GlobPath[];

  /** @param globs of which `unsuitableGlob` finds nothing to say */
  constructor(globs: readonly string[]) {
    this.#including = globs.filter((glob) => !glob.startsWith("!")).map((glob) => new GlobPath(glob));
    this.#excluding = globs.filter((glob) => glob.startsWith("!")).map((glob) => new GlobPath(glob.slice(1)));
  }

  /** Whether the file comes back. */
  matches(path: string): boolean {
    const segments = path.split("/");
    if (segments.some(isKeptOut)) return false;
    return (
      this.#including.some((glob) => glob.matches(segments)) && !this.#excluding.some((glob) => glob.matches(segments))
    );
  }

  /** Whether something below the folder may come back; "" is the root. */
  mayHold(folder: string): boolean {
    const segments = folder === "" ? [] : folder.split("/");
    return !segments.some(isKeptOut) && this.#including.some((glob) => glob.mayHold(segments));
  }
}

/** One glob, segment by segment; `**` is any number of them. */
class GlobPath {
  readonly #segments: readonly { readonly text: string; readonly glob: Bun.Glob }[];

  constructor(glob: string) {
    this.#segments = glob.split("/").map((text) => ({ text, glob: new Bun.Glob(text) }));
  }

  matches(path: readonly string[], at = 0, from = 0): boolean {
    const segment = this.#segments[from];
    if (segment === undefined) return at === path.length;
    const name = path[at];
    if (segment.text === "**")
      return (
        this.matches(path, at, from + 1) ||
        (name !== undefined && !LARGE_FOLDERS.has(name) && this.matches(path, at + 1, from))
      );
    return name !== undefined && segment.glob.match(name) && this.matches(path, at + 1, from + 1);
  }

  mayHold(folder: readonly string[], at = 0, from = 0): boolean {
    const segment = this.#segments[from];
    const name = folder[at];
    if (segment === undefined) return false;
    if (name === undefined) return true;
    if (segment.text === "**")
      return this.mayHold(folder, at, from + 1) || (!LARGE_FOLDERS.has(name) && this.mayHold(folder, at + 1, from));
    return segment.glob.match(name) && this.mayHold(folder, at + 1, from + 1);
  }
}

function isKeptOut(name: string): boolean {
  return KEPT_OUT.has(name.replaceAll(IGNORED_CHARACTERS, "").toLowerCase()) || name.startsWith(OWN_PREFIX);
}

/** HFS+ takes names that differ only in these for the same. */
const IGNORED_CHARACTERS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** A segment that `/` cut out of braces. */
function isHalfOpen(segment: string): boolean {
  return segment.split("{").length !== segment.split("}").length;
}
