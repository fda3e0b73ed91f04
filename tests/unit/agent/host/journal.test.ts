import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Journal } from "../../../../agent/host/journal.ts";
import type { CommitRecord } from "../../../../agent/host/journal-record.ts";
import type { TrackedPath } from "../../../../agent/host/tracked-tree.ts";
import { withPlace } from "./support.ts";

function opened(path: string): { readonly journal: Journal; readonly records: readonly CommitRecord[] } {
  const records: CommitRecord[] = [];
  return { journal: Journal.open(path, (record) => records.push(record)), records };
}

/** Appends a file of that content, uncommitted. */
function keep(journal: Journal, path: string, text: string): TrackedPath {
  const sha256 = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  const writer = journal.beginContent(sha256, text.length);
  writer.write(new TextEncoder().encode(text));
  const entry = { path, kind: "file", mode: 0o644, size: text.length, sha256 } as const;
  return { entry, mode: 0o755, content: writer.stored };
}

function textOf(journal: Journal, { content }: TrackedPath): string {
  return content === undefined ? "" : Buffer.concat([...journal.read(content)]).toString();
}

describe("Journal", () => {
  test("gives back what was committed, with modes, symlinks and contents", async () => {
    await withPlace(async ({ folder }) => {
      const path = join(folder, "made/journal");
      const { journal } = opened(path);
      const file = keep(journal, "a/ü\n", "content");
      const folderEntry = { path: "a", kind: "directory", mode: 0o711, size: 0 } as const;
      const link = { path: "l", kind: "symlink", mode: 0o777, size: 0, target: "../x" } as const;
      const record = { removed: ["gone"], written: [{ entry: folderEntry }, file, { entry: link }] };
      journal.commit(record);
      journal.close();
      const again = opened(path);
      expect(again.records).toEqual([record]);
      expect(textOf(again.journal, file)).toBe("content");
    });
  });

  test("cut at any byte, holds the commits before", async () => {
    await withPlace(async ({ folder }) => {
      const path = join(folder, "journal");
      const { journal } = opened(path);
      const ends = [0];
      for (const text of ["one", "two", "three"]) {
        journal.commit({ removed: [], written: [keep(journal, text, text)] });
        ends.push(journal.size);
      }
      for (let size = 0; size <= journal.size; size += 1) {
        const cut = join(folder, "cut");
        copyFileSync(path, cut);
        truncateSync(cut, size);
        const { records, journal: rest } = opened(cut);
        expect(records.length).toBe(ends.filter((end) => end <= size).length - 1);
        expect(rest.size).toBe(ends[records.length] ?? 0);
        rest.close();
      }
    });
  });

  test("leaves out a commit that is damaged and all after it", async () => {
    await withPlace(async ({ folder }) => {
      const path = join(folder, "journal");
      const { journal } = opened(path);
      journal.commit({ removed: ["a"], written: [] });
      journal.commit({ removed: ["b"], written: [] });
      const bytes = readFileSync(path);
      bytes.writeUInt8(0, bytes.length - 5);
      writeFileSync(path, bytes);
      expect(opened(path).records).toEqual([{ removed: ["a"], written: [] }]);
    });
  });

  test("written anew, holds what is needed and nothing else", async () => {
    await withPlace(async ({ folder }) => {
      const path = join(folder, "journal");
      const journal = Journal.open(path, () => {}, 1_000);
      let file = keep(journal, "f", "x");
      for (let round = 0; round < 20; round += 1) {
        file = keep(journal, "f", "y".repeat(100 + round));
        journal.commit({ removed: [], written: [file] });
      }
      const twin: TrackedPath = { ...file, entry: { ...file.entry, path: "twin" } };
      expect(journal.isWasteful(119)).toBe(true);
      const kept = await journal.rewrite({ removed: ["gone"], written: [file, twin] });
      expect(statSync(path).size).toBeLessThan(600);
      expect(kept.map((tracked) => textOf(journal, tracked))).toEqual(["y".repeat(119), "y".repeat(119)]);
      expect(journal.isWasteful(0)).toBe(false);
      journal.commit({ removed: ["f"], written: [] });
      expect(opened(path).records).toEqual([
        { removed: ["gone"], written: [...kept] },
        { removed: ["f"], written: [] },
      ]);
    });
  });
});
