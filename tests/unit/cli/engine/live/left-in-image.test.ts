import { expect, test } from "bun:test";
import { withLeftInImage } from "../../../../../cli/engine/live/left-in-image.ts";
import type { Manifest, TreeEntry } from "../../../../../core/sync/manifest.ts";

/** Names that end with `/` are folders. */
function manifest(...names: readonly string[]): Manifest {
  return {
    entries: names.map((name): TreeEntry => {
      const path = name.replace(/\/$/, "");
      return path === name
        ? { path, kind: "file", mode: 0o644, size: 1, sha256: "0".repeat(64) }
        : { path, kind: "directory", mode: 0o755, size: 0 };
    }),
  };
}

test("withLeftInImage() adds what only the image has, in order, with its folders", () => {
  const both = withLeftInImage(manifest("b", "new"), manifest("a/", "a/x", "b"));
  expect(both?.entries.map(({ path }) => path)).toEqual(["a", "a/x", "b", "new"]);
});

test("withLeftInImage() is nothing when the image has nothing more", () => {
  expect(withLeftInImage(manifest("a", "b"), manifest("a"))).toBeUndefined();
});

test("withLeftInImage() leaves out what lies below a folder that is a file now", () => {
  expect(withLeftInImage(manifest("a"), manifest("a/", "a/x"))).toBeUndefined();
});
