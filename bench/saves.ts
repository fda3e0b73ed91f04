/** What is saved in the benchmarks: files whose text and size differ from round to round. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ExpectedFiles } from "./in-cluster.ts";

/** Of a source file as people write them. */
const FILE_BYTES = 2048;
const FILES_IN_FOLDER = 100;

export interface SavedFiles extends ExpectedFiles {
  readonly write: (folder: string) => void;
}

/** `count` files of some 2 kB, 100 in a folder, below `data/`; no two of them alike, in no round. */
export function manyFiles(count: number, round: number): SavedFiles {
  const name = (index: number): string =>
    `data/${count}/${Math.floor(index / FILES_IN_FOLDER)}/file-${index % FILES_IN_FOLDER}.txt`;
  const paths = Array.from({ length: count }, (_, index) => name(index));
  const size = FILE_BYTES + round;
  return {
    paths,
    size,
    write: (folder) => {
      for (const [index, path] of paths.entries()) {
        if (index % FILES_IN_FOLDER === 0) mkdirSync(join(folder, dirname(path)), { recursive: true });
        // In place, as most editors save.
        writeFileSync(
          join(folder, path),
          `${index} ${round} ${noise(index * 7919 + round)}`.padEnd(size, "x").slice(0, size),
        );
      }
    },
  };
}

/** One file that no compression makes smaller. */
export function largeFile(bytes: number, round: number): SavedFiles {
  const path = "data/large.bin";
  const size = bytes + round;
  const content = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(size, at + 65_536)));
  return {
    paths: [path],
    size,
    write: (folder) => {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    },
  };
}

/** Hexadecimal digits that depend on the seed alone. */
function noise(seed: number): string {
  return Array.from({ length: 30 }, (_, index) => Bun.hash(`${seed} ${index}`).toString(16)).join("");
}
