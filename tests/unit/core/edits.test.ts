import { describe, expect, test } from "bun:test";
import { entriesOf, countEdits, editsManifest, editsTree, readEdits, summaryOf } from "../../../core/edits.ts";
import { type Manifest, parseManifest, type TreeEntry } from "../../../core/sync/manifest.ts";

const file = (path: string, content: string, mode = 0o644): TreeEntry => {
  const sha256 = new Bun.CryptoHasher("sha256").update(content).digest("hex");
  return { path, kind: "file", mode, size: content.length, sha256 };
};
const folder = (path: string): TreeEntry => ({ path, kind: "directory", mode: 0o755, size: 0 });
const link = (path: string, target: string): TreeEntry => ({ path, kind: "symlink", mode: 0o777, size: 0, target });
const tree = (...entries: readonly TreeEntry[]): Manifest => parseManifest(entries);

const BUILT = tree(folder("src"), file("src/a.js", "a"), file("src/b.js", "b"), folder("old"), file("old/x", "x"));

describe("editsManifest()", () => {
  test("is empty when nothing differs", () => {
    expect(editsManifest(entriesOf(BUILT), entriesOf(BUILT))).toEqual({ entries: [] });
    expect(countEdits(editsManifest(entriesOf(BUILT), entriesOf(BUILT)))).toBe(0);
  });

  test("holds what is new or differs with its folders, and names what was removed", () => {
    const now = tree(folder("src"), file("src/a.js", "A"), file("src/b.js", "b"), link("src/l", "a.js"), folder("new"));
    const manifest = editsManifest(entriesOf(BUILT), entriesOf(now));
    // A receiver takes it as any other tree.
    expect(parseManifest(manifest.entries)).toEqual(manifest);
    const { written, removed } = readEdits(manifest);
    expect(written.map(({ path }) => path)).toEqual(["new", "src", "src/a.js", "src/l"]);
    expect(removed).toEqual(["old/x", "old"]);
    expect(countEdits(manifest)).toBe(4);
  });

  test("a folder that became a file removes what was in it, not itself", () => {
    const src = BUILT.entries.filter(({ path }) => path.startsWith("src"));
    const now = entriesOf(tree(...src, file("old", "now a file")));
    const { written, removed } = readEdits(editsManifest(entriesOf(BUILT), now));
    expect(written.map(({ path }) => path)).toEqual(["old"]);
    expect(removed).toEqual(["old/x"]);
  });

  test("a change of the mode alone is an edit", () => {
    const manifest = editsManifest(entriesOf(tree(file("run.sh", "x"))), entriesOf(tree(file("run.sh", "x", 0o755))));
    expect(readEdits(manifest).written).toEqual([file("run.sh", "x", 0o755)]);
  });
});

describe("readEdits()", () => {
  test("refuses a removed path that leads out of the tree", () => {
    const marks = [folder(".azds-sync"), folder(".azds-sync/removed"), link(".azds-sync/removed/0", "../etc/passwd")];
    expect(() => readEdits(tree(...marks))).toThrow("leads out of the tree");
  });
});

test("editsTree() names session and build", () => {
  expect(editsTree({ session: "azds-abc123", build: 4 })).toBe("azds-abc123/edits-4");
});

test("summaryOf() takes nothing but a summary", () => {
  expect(summaryOf('{"edits":3,"id":"5e"}')).toEqual({ edits: 3, id: "5e" });
  for (const text of ["", "{}", "null", "panic: no", '{"edits":"3","id":"5e"}'])
    expect(summaryOf(text)).toBeUndefined();
});
