import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { AzdsError } from "../../../../core/errors.ts";
import { type TreeEntry, diffManifests, parseEntry, parseManifest } from "../../../../core/sync/manifest.ts";

const HASH = "0".repeat(64);

function directory(path: string, mode = 0o755): TreeEntry {
  return { path, kind: "directory", mode, size: 0 };
}

function file(path: string, sha256 = HASH): TreeEntry {
  return { path, kind: "file", mode: 0o644, size: 1, sha256 };
}

function link(path: string, target = "x"): TreeEntry {
  return { path, kind: "symlink", mode: 0o777, size: 0, target };
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof AzdsError) return error.code;
    throw error;
  }
}

describe("parseEntry()", () => {
  test("takes what scanTree() makes", () => {
    for (const entry of [file("a/b c/ü"), directory("a"), link("l", "../../anywhere")]) {
      expect(parseEntry(JSON.parse(JSON.stringify(entry)))).toEqual(entry);
    }
  });

  test.each(["", ".", "..", "/", "/etc/passwd", "a/../b", "a/..", "../a", "a//b", "a/", "./a", "a/./b", "a\0b"])(
    "refuses the path %j",
    (path) => {
      expect(codeOf(() => parseEntry(file(path)))).toBe("PROTOCOL");
    },
  );

  test("refuses paths that are too long", () => {
    expect(codeOf(() => parseEntry(file("x".repeat(256))))).toBe("PROTOCOL");
    expect(codeOf(() => parseEntry(file(`${"d/".repeat(2048)}x`)))).toBe("PROTOCOL");
  });

  test.each([
    ["a mode with more than permissions", { mode: 0o4755 }],
    ["a negative mode", { mode: -1 }],
    ["a broken mode", { mode: 1.5 }],
    ["no mode", { mode: undefined }],
    ["a negative size", { size: -1 }],
    ["a size beyond the limit", { size: 2 ** 40 }],
    ["a hash in capitals", { sha256: "A".repeat(64) }],
    ["a hash that is a path", { sha256: `../${"0".repeat(61)}` }],
    ["no hash", { sha256: undefined }],
    ["another kind", { kind: "device" }],
    ["a symlink without target", { kind: "symlink" }],
    ["a symlink with a zero in its target", { kind: "symlink", target: "a\0" }],
  ])("refuses %s", (_name, change) => {
    expect(codeOf(() => parseEntry({ ...file("a"), ...change }))).toBe("PROTOCOL");
  });

  test("gives a path below the tree or PROTOCOL for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", ".", "/", "\\", "\0", "ü") }), (path) => {
        if (codeOf(() => parseEntry(file(path))) !== undefined) return;
        expect(new URL(path.replaceAll("\\", "b"), "file:///root/tree/").pathname.startsWith("/root/tree/")).toBe(true);
      }),
    );
  });
});

describe("parseManifest()", () => {
  test("sorts, so that each folder comes before what it holds", () => {
    const paths = parseManifest([file("b/a"), file("a.b"), directory("a"), file("a/c"), directory("b")]).entries;
    expect(paths.map((entry) => entry.path)).toEqual(["a", "a.b", "a/c", "b", "b/a"]);
  });

  test.each([
    ["a path twice", [file("a"), directory("a")]],
    ["an entry below a file", [file("a"), file("a/b")]],
    ["an entry below a symlink", [link("a", "/etc"), file("a/passwd")]],
    ["an entry in no folder", [file("a/b")]],
  ])("refuses %s", (_name, entries) => {
    expect(codeOf(() => parseManifest(entries))).toBe("PROTOCOL");
  });
});

describe("diffManifests()", () => {
  test("is empty for the same", () => {
    const manifest = { entries: [directory("a"), file("a/b"), link("c")] };
    expect(diffManifests(manifest, manifest)).toEqual({ remove: [], write: [] });
  });

  test("removes deepest first, writes folders first, and replaces what changes its kind", () => {
    const current = { entries: [directory("a"), file("a/b"), file("k")] };
    const wanted = { entries: [directory("k"), file("k/x")] };
    const { remove, write } = diffManifests(current, wanted);
    expect(remove.map((entry) => entry.path)).toEqual(["k", "a/b", "a"]);
    expect(write.map((entry) => entry.path)).toEqual(["k", "k/x"]);
  });

  test("writes what differs in content, target or mode, without removing it", () => {
    const current = { entries: [directory("d"), file("f"), link("l")] };
    const wanted = { entries: [directory("d", 0o700), file("f", "1".repeat(64)), link("l", "y")] };
    expect(diffManifests(current, wanted)).toEqual({ remove: [], write: wanted.entries });
  });
});
