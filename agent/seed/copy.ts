/** Copies the content of a folder into a volume, so that the volume is what the folder was: kinds, modes, times, links. */
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { nextTurn } from "../../core/host/turn.ts";
import { FILES_PER_TURN } from "../../core/limits.ts";
import { nativePath, readLink, readNames } from "../../core/sync/native-path.ts";
import { member } from "../../core/parse.ts";

export interface Copied {
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** Paths of what could not be read or is no file, folder or link, each with the reason. */
  readonly leftOut: readonly string[];
}

/** Errors that say something of one entry only. Under any other the volume cannot become what it should be. */
const OF_ONE_ENTRY: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EEXIST"]);

/** The owner may write in every folder: that is what the volume is for. */
const OWNER_RWX = 0o700;
/** A file's set-user-id would now mean another user. */
const FILE_MODE = 0o777;
const FOLDER_MODE = 0o7777;

/**
 * The volume is emptied first, so that a second run gives what the first gave. A folder that is not there leaves it empty.
 * Rejects when the disk is full, when the volume cannot be written, when `from` is no folder, or by the signal.
 */
export async function copyFolder(from: string, to: string, signal?: AbortSignal): Promise<Copied> {
  accessSync(to, constants.W_OK | constants.X_OK);
  const copy = new Copy(signal);
  copy.empty(to);
  if (lstatSync(from, { throwIfNoEntry: false }) !== undefined) await copy.content(from, to);
  return copy.outcome;
}

class Copy {
  readonly outcome = { files: 0, folders: 0, bytes: 0, leftOut: new Array<string>() };
  readonly #signal: AbortSignal | undefined;
  #sinceTurn = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** What another user has left there may have to stay. */
  empty(folder: string): void {
    for (const name of readNames(folder)) {
      const path = `${folder}/${name}`;
      try {
        rmSync(nativePath(path), { recursive: true, force: true });
      } catch (error) {
        this.#leaveOut(path, error);
      }
    }
  }

  async content(from: string, to: string): Promise<void> {
    for (const name of readNames(from)) {
      await this.#breathe();
      const source = `${from}/${name}`;
      try {
        await this.#entry(source, `${to}/${name}`);
      } catch (error) {
        this.#leaveOut(source, error);
      }
    }
  }

  async #entry(source: string, target: string): Promise<void> {
    const about = lstatSync(nativePath(source));
    if (about.isDirectory()) await this.#folder(source, target, about);
    else if (about.isFile()) this.#file(nativePath(source), nativePath(target), about);
    else if (about.isSymbolicLink()) copyLink(source, nativePath(target), about);
    else this.outcome.leftOut.push(`${source}: neither file, folder nor link`);
  }

  async #folder(source: string, target: string, about: Stats): Promise<void> {
    const native = nativePath(target);
    mkdirSync(native, { recursive: true, mode: OWNER_RWX });
    this.outcome.folders += 1;
    try {
      await this.content(source, target);
    } finally {
      chmodSync(native, (about.mode & FOLDER_MODE) | OWNER_RWX);
      utimesSync(native, ...timesOf(about));
    }
  }

  #file(source: string | Buffer, target: string | Buffer, about: Stats): void {
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
    chmodSync(target, about.mode & FILE_MODE);
    utimesSync(target, ...timesOf(about));
    this.outcome.files += 1;
    this.outcome.bytes += about.size;
  }

  #leaveOut(path: string, error: unknown): void {
    const code = member(error, "code");
    if (!OF_ONE_ENTRY.has(code)) throw error;
    this.outcome.leftOut.push(`${path}: ${String(code)}`);
  }

  async #breathe(): Promise<void> {
    this.#sinceTurn += 1;
    if (this.#sinceTurn < FILES_PER_TURN) return;
    this.#sinceTurn = 0;
    await nextTurn(this.#signal);
  }
}

function copyLink(source: string, target: string | Buffer, about: Stats): void {
  symlinkSync(nativePath(readLink(source)), target);
  lutimesSync(target, ...timesOf(about));
}

/** In seconds; a fraction keeps about a tenth of a microsecond. */
function timesOf({ atimeMs, mtimeMs }: Stats): readonly [number, number] {
  return [atimeMs / 1000, mtimeMs / 1000];
}
