/**
 * Brings what a container makes or changes to the developer's disk: the files that `container.syncBack` names, from one
 * of the session's containers. Never over what the developer has changed, and what came is not taken for a save.
 */
import { AzdsError } from "../../../core/errors.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import type { Emit } from "../events.ts";
import type { AgentClient } from "./agent-client.ts";
import { BackLedger } from "./back-ledger.ts";
import { BackRound } from "./back-round.ts";
import type { SourceTree } from "./source-tree.ts";

export interface BackSyncOptions {
  readonly tree: Pick<SourceTree, "root" | "fixed">;
  /** Of azds.yaml; without any, nothing comes back. */
  readonly globs: readonly string[];
  /** Absolute folder that takes what is not put into its place. */
  readonly conflicts: string;
  readonly emit: Emit;
}

interface Member {
  readonly pod: string;
  readonly client: Pick<AgentClient, "closed" | "followBack">;
  /** What its image was made from, where that is known. */
  readonly image: () => Manifest | undefined;
}

export class BackSync {
  readonly #options: BackSyncOptions;
  readonly #ledger: BackLedger;
  /** Connected containers, longest first: the first is the source. */
  readonly #members: Member[] = [];
  #hasNamedSource = false;

  constructor(options: BackSyncOptions) {
    this.#options = options;
    this.#ledger = new BackLedger(options.tree, options.globs);
  }

  /** Resolves once the container's files have been looked at for the first time, where it is the source. */
  async join(member: Member): Promise<void> {
    if (this.#options.globs.length === 0) return;
    this.#members.push(member);
    void member.client.closed.catch(() => undefined).then(() => this.#leave(member));
    const [source = member] = this.#members;
    if (source === member) return this.#follow(member);
    if (this.#hasNamedSource) return;
    this.#hasNamedSource = true;
    const text = `\`container.syncBack\` takes files from pod \`${source.pod}\` alone; those of other pods stay there`;
    this.#options.emit({ type: "message", level: "info", text });
  }

  /** Whether the file, relative to the context, is as it came: no save of the developer's. */
  isReturned(path: string): boolean {
    return this.#ledger.isReturned(path);
  }

  #leave(member: Member): void {
    const wasSource = this.#members[0] === member;
    this.#members.splice(this.#members.indexOf(member), 1);
    const [next] = this.#members;
    if (wasSource && next !== undefined) void this.#follow(next);
  }

  /** Resolves after the first round, or when there will be none; goes on until the connection ends. */
  async #follow({ pod, client, image }: Member): Promise<void> {
    const { tree, globs, conflicts, emit } = this.#options;
    const first = Promise.withResolvers<void>();
    const parts = { ledger: this.#ledger, root: tree.root, conflicts, emit };
    const round = new BackRound({ ...parts, pod, image, onDone: first.resolve });
    void client
      .followBack(globs, round)
      .catch((error: unknown) => this.#tellEnd(pod, error))
      .finally(first.resolve);
    await first.promise;
  }

  /** A cut is told by the link, and the next connection begins anew. */
  #tellEnd(pod: string, error: unknown): void {
    const code = error instanceof AzdsError ? error.code : undefined;
    if (code === "CONNECTION_LOST") return;
    const why = error instanceof Error ? error.message : String(error);
    const text = `${code === undefined ? "" : `${code}: `}${why}; nothing more comes from pod \`${pod}\``;
    this.#options.emit({ type: "message", level: "warning", text });
  }
}
