/** Files that come back from one container, round by round: planned, taken, put into place, told. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { AzdsError } from "../../../core/errors.ts";
import { SYNC_BACK_FILE_BYTES_MAX, SYNC_BACK_FILES_MAX } from "../../../core/limits.ts";
import { BackContentChanged, type BackFile, type BackTaker } from "../../../core/sync/back.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import type { Emit } from "../events.ts";
import { lookAtPlace, type NewFile, putInPlace, writeBeside } from "./back-files.ts";
import type { BackLedger } from "./back-ledger.ts";
import { planBack } from "./back-plan.ts";
import { subject } from "./in-place.ts";

export interface BackRoundOptions {
  readonly ledger: BackLedger;
  /** Absolute folder of the context. */
  readonly root: string;
  /** Absolute folder that takes what is not put into its place. */
  readonly conflicts: string;
  readonly pod: string;
  readonly image: () => Manifest | undefined;
  readonly emit: Emit;
  /** After each round. */
  readonly onDone: () => void;
}

export class BackRound implements BackTaker {
  readonly #options: BackRoundOptions;
  #planned: BackFile[] = [];
  #brought: string[] = [];

  constructor(options: BackRoundOptions) {
    this.#options = options;
  }

  readonly wanted = async (files: readonly BackFile[]): Promise<readonly BackFile[]> => {
    const { ledger } = this.#options;
    this.#planned = [];
    for (const file of files) {
      if (!ledger.isWanted(file.path) || file.size > SYNC_BACK_FILE_BYTES_MAX || files.length > SYNC_BACK_FILES_MAX)
        throw new AzdsError("PROTOCOL", "The agent tells of files that nobody asked for");
      const plan = await this.#plan(file);
      if (plan.deed === "refuse")
        this.#warn(file, `\`${file.path}\` of pod \`${this.#options.pod}\` does not come back: ${plan.why}`);
      if (plan.deed === "bring" || (plan.deed === "conflict" && ledger.isNews(file))) this.#planned.push(file);
    }
    return this.#planned;
  };

  readonly take = async (sha256: string, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    const files = this.#planned.filter((file) => file.sha256 === sha256);
    let content = chunks;
    let isFirst = true;
    for (const file of files) {
      try {
        content = await this.#put(file, content);
      } catch (error) {
        if (error instanceof BackContentChanged) return;
        if (error instanceof AzdsError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        this.#warn(file, `\`${file.path}\` of pod \`${this.#options.pod}\` could not be written: ${why}`);
        if (isFirst) return drain(chunks);
      }
      isFirst = false;
    }
  };

  readonly done = async (): Promise<void> => {
    const { emit, pod, onDone } = this.#options;
    const [first] = this.#brought;
    if (first !== undefined) {
      const text = `${subject(first, this.#brought.length)} came from pod \`${pod}\``;
      emit({ type: "message", level: "info", text });
    }
    this.#brought = [];
    onDone();
  };

  async #plan(file: BackFile): Promise<ReturnType<typeof planBack>> {
    const { ledger, root, image } = this.#options;
    return planBack(file, await lookAtPlace(root, file.path), ledger.baseOf(file, image()));
  }

  /** The same content for the next file that has it. What was saved while it came is looked at before it would go. */
  async #put(file: BackFile, chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
    const { root, conflicts, ledger } = this.#options;
    const { path, sha256 } = file;
    const aside: NewFile = { root: conflicts, path, sha256, mode: 0o600 };
    const planned = await this.#plan(file);
    if (planned.deed !== "bring") return this.#putAside(file, await writeBeside(aside, chunks), aside);
    const inPlace: NewFile = { root, path, sha256, mode: planned.mode };
    const beside = await writeBeside(inPlace, chunks);
    if ((await this.#plan(file)).deed === "bring") {
      ledger.returned(path, putInPlace(beside, inPlace));
      this.#brought.push(path);
      return Bun.file(join(root, path)).stream();
    }
    const copy = await writeBeside(aside, Bun.file(beside).stream());
    rmSync(beside, { force: true });
    return this.#putAside(file, copy, aside);
  }

  #putAside(file: BackFile, beside: string, aside: NewFile): AsyncIterable<Uint8Array> {
    putInPlace(beside, aside);
    const kept = join(aside.root, aside.path);
    const text = `\`${file.path}\` is another one here than in pod \`${this.#options.pod}\`, and yours stays; the container's is in \`${kept}\`: save into yours what you want of it`;
    this.#options.emit({ type: "message", level: "warning", text });
    return Bun.file(kept).stream();
  }

  #warn(file: BackFile, text: string): void {
    if (this.#options.ledger.isNews(file)) this.#options.emit({ type: "message", level: "warning", text });
  }
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of chunks);
  } catch (error) {
    if (!(error instanceof BackContentChanged)) throw error;
  }
}
