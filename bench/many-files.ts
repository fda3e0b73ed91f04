/** Many files at once, as a change of branch writes them, and a large one. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { requireSameBytes, timeToBytes } from "./in-cluster.ts";
import type { Measurement } from "./report.ts";
import { largeFile, manyFiles, type SavedFiles } from "./saves.ts";
import type { Bare, Followed } from "./single-save.ts";

const LARGE_BYTES = 100_000_000;
const REST_MS = 500;

interface Case {
  readonly name: string;
  readonly rounds: number;
  readonly files: (round: number) => SavedFiles;
  /** What the peers copy. */
  readonly path: string;
  readonly target?: number;
}

const CASES: readonly Case[] = [
  { name: "100 files", rounds: 15, files: (round) => manyFiles(100, round), path: "data/100" },
  { name: "1,000 files", rounds: 7, files: (round) => manyFiles(1000, round), path: "data/1000", target: 0.5 },
  { name: "10,000 files", rounds: 3, files: (round) => manyFiles(10_000, round), path: "data/10000", target: 3 },
  { name: "a file of 100 MB", rounds: 3, files: (round) => largeFile(LARGE_BYTES, round), path: "data/large.bin" },
];

/** Ours is timed from before the first file is written; the peers only copy what is there. */
export async function* manyFilesRows(request: {
  readonly ours: Followed;
  readonly bare: Bare;
}): AsyncGenerator<Measurement> {
  for (const { name, rounds, files, path, target } of CASES) {
    const times = { ours: [] as number[], tar: [] as number[], cp: [] as number[] };
    const { ours, bare } = request;
    for (let round = 1; round <= rounds; round += 1) {
      // Sizes differ from what the turns before have left.
      const [first, second, third] = [files(3 * round), files(3 * round + 1), files(3 * round + 2)];
      times.ours.push(await timeToBytes(ours, first, () => first.write(ours.folder)));
      await requireSameBytes(ours, ours.folder, first.paths);
      times.tar.push(await copy(bare, second, async () => bare.plain.tar(bare.folder, path)));
      times.cp.push(await copy(bare, third, async () => bare.plain.cp(bare.folder, path)));
    }
    rmSync(join(ours.folder, path), { recursive: true });
    await Bun.sleep(REST_MS);
    const row = { suite: "inner-loop", unit: "s", values: times.ours.map(seconds) } as const;
    const bound = target === undefined ? {} : { target };
    yield { ...row, name: `save to bytes, ${name}, exec tar`, against: times.tar.map(seconds), ...bound };
    yield { ...row, name: `save to bytes, ${name}, kubectl cp`, against: times.cp.map(seconds) };
  }
}

async function copy({ served, folder }: Bare, files: SavedFiles, run: () => Promise<void>): Promise<number> {
  files.write(folder);
  const ms = await timeToBytes(served, files, run);
  await requireSameBytes(served, folder, files.paths);
  return ms;
}

function seconds(ms: number): number {
  return ms / 1000;
}
