/** One thing in an image's file system. Paths are absolute in the image. */
export type Entry = {
  readonly path: string;
  readonly mode: number;
  readonly owner: number;
  /** Seconds since 1970. */
  readonly modified: number;
  readonly content: Content;
};

export type Content =
  | { readonly kind: "folder" }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "text"; readonly text: string }
  /** A file of this machine; `size` in bytes when it was planned. */
  | { readonly kind: "file"; readonly source: string; readonly size: number };

export function folder(path: string, mode = 0o755, owner = 0): Entry {
  return { path, mode, owner, modified: 0, content: { kind: "folder" } };
}

export function link(path: string, target: string): Entry {
  return { path, mode: 0o777, owner: 0, modified: 0, content: { kind: "link", target } };
}

export function text(path: string, content: string, mode = 0o644): Entry {
  return { path, mode, owner: 0, modified: 0, content: { kind: "text", text: content } };
}

const LINKED_FOLDERS = ["/bin", "/sbin", "/lib", "/lib64"];

/** Where a path really is: these four are links into /usr in every image, as in Debian. */
function realPath(path: string): string {
  const root = LINKED_FOLDERS.find((dir) => path.startsWith(`${dir}/`));
  return root === undefined ? path : `/usr${path}`;
}

/** All entries by path, parents first, with the folders nobody named; the later of two with one path wins. */
export function completeEntries(entries: readonly Entry[]): Entry[] {
  const links = LINKED_FOLDERS.map((dir) => link(dir, `usr${dir}`));
  const named = new Map<string, Entry>();
  for (const entry of [...LINKED_FOLDERS.map((dir) => folder(`/usr${dir}`)), ...links, ...entries]) {
    const path = realPath(entry.path);
    named.set(path, { ...entry, path });
  }
  const parents = new Set([...named.keys()].flatMap((path) => parentsOf(path)));
  for (const parent of parents) if (!named.has(parent)) named.set(parent, folder(parent));
  return [...named.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}
