/**
 * `__seed FOLDER VOLUME`: init container in the session's own image. Fills the volume that will lie over the folder, so
 * that the container finds there what its image has, and may write.
 */
import { PROGRAM } from "../../core/contract.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { SEED_NAMES_MAX } from "../../core/limits.ts";
import { copyFolder, type Copied } from "./copy.ts";

/** 128 + SIGTERM, as shells report it. */
const EXIT_TERMINATED = 143;

/** Resolves with the exit code: 0 when everything readable is there, 1 when the volume cannot take it, 143 after SIGTERM. */
export async function main(argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.seed);
  const [folder, volume] = argv;
  if (folder === undefined || volume === undefined) {
    log("error", "The names of a folder and a volume are missing");
    return 1;
  }
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  try {
    report(log, folder, await copyFolder(folder, volume, stop.signal));
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return EXIT_TERMINATED;
    log("error", "The volume could not be filled", { folder, error: String(error) });
    return 1;
  }
}

function report(log: Log, folder: string, { files, folders, bytes, leftOut }: Copied): void {
  log("info", "The volume holds what the image has", { folder, files, folders, bytes });
  if (leftOut.length === 0) return;
  const named = leftOut.slice(0, SEED_NAMES_MAX);
  log("warn", "Left out what this user may not read, and what is no file", { count: leftOut.length, first: named });
}
