/**
 * Keeps one running container in step with the source tree: connects to its agent, brings what it lacks, and does so
 * again after every cut. What has been brought is known by version, so that a save costs the difference alone.
 */
import type { AgentState, UpdateEvent, UpdateRequest } from "../../../core/agent-protocol.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { LINK_RECONNECT_MS_MAX, RECONNECT_MS_MIN } from "../../../core/limits.ts";
import type { FailedPath } from "../../../core/sync/messages.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import { type AgentClient, type Effect, openAgentClient } from "./agent-client.ts";
import { withLeftInImage } from "./left-in-image.ts";
import type { SourceTree } from "./source-tree.ts";

export interface PodLinkOptions {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly pod: string;
  readonly tree: SourceTree;
  readonly clock: Clock;
  /** Ends the link. */
  readonly signal: AbortSignal;
  readonly onState: (state: AgentState) => void;
  /** When what a full sync brings takes effect. */
  readonly effect: (afterCut: boolean) => Effect;
  /** What the container's image was made from, where that is known. */
  readonly image: () => Manifest | undefined;
  /** At each connection, before anything is brought. */
  readonly onConnected?: ((client: AgentClient) => Promise<void>) | undefined;
  /** After the whole tree was brought, at the first connection and after each cut. */
  readonly onCaughtUp: (brought: Brought, afterCut: boolean) => Promise<void>;
  /** Once for each time the connection was lost. */
  readonly onLost: (why: string) => void;
  /** For tests; default: openAgentClient. */
  readonly open?: typeof openAgentClient;
}

export interface Brought {
  /** Paths that were written or removed. */
  readonly files: number;
  readonly bytes: number;
  readonly ms: number;
  readonly failed: readonly FailedPath[];
}

export interface PodLink {
  readonly pod: string;
  /** What the agent said last; `undefined` without a connection. */
  readonly state: () => AgentState | undefined;
  /** Of the tree that the container has; `undefined` without a connection. */
  readonly version: () => number | undefined;
  /** Resolves when the first sync is over, or with the link. */
  readonly first: Promise<void>;
  /** Why there is no connection; `undefined` while there is one, or before the first try ended. */
  readonly failure: () => string | undefined;
  /** Brings the newest version; `undefined` while there is no connection: it follows with the next one. */
  readonly bring: (effect: Effect) => Promise<Brought | undefined>;
  /** @throws AzdsError UPDATE_FAILED, CONNECTION_LOST */
  readonly update: (request: UpdateRequest, onEvent: (event: UpdateEvent) => void) => Promise<number>;
}

export function linkPod(options: PodLinkOptions): PodLink {
  const link = new Link(options);
  void link.run();
  return link;
}

class Link implements PodLink {
  readonly pod: string;
  readonly first: Promise<void>;
  readonly #first = Promise.withResolvers<void>();
  readonly #options: PodLinkOptions;
  #client: AgentClient | undefined;
  /** What the container has; `undefined` after a cut. */
  #at: { readonly version: number; readonly revision: string } | undefined;
  #failure: string | undefined;
  /** One sync at a time: each starts from what the one before has left. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: PodLinkOptions) {
    this.#options = options;
    this.pod = options.pod;
    this.first = this.#first.promise;
  }

  failure = (): string | undefined => this.#failure;
  version = (): number | undefined => this.#at?.version;
  state = (): AgentState | undefined => this.#client?.state();

  async run(): Promise<void> {
    const { signal, clock, onLost } = this.#options;
    let delay = RECONNECT_MS_MIN;
    let connected = false;
    let told = false;
    while (!signal.aborted) {
      try {
        await this.#connect(told);
        delay = RECONNECT_MS_MIN;
        connected = true;
        told = false;
        await this.#client?.closed;
        if (!signal.aborted) throw new AzdsError("CONNECTION_LOST", "the connection ended");
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        if (connected && !told && !signal.aborted) {
          told = true;
          onLost(this.#failure);
        }
      } finally {
        this.#drop();
      }
      await clock.sleep(delay, signal).catch(() => undefined);
      delay = Math.min(delay * 2, LINK_RECONNECT_MS_MAX);
    }
    this.#first.resolve();
  }

  bring(effect: Effect): Promise<Brought | undefined> {
    return this.#alone(async () => this.#bring(effect));
  }

  async update(request: UpdateRequest, onEvent: (event: UpdateEvent) => void): Promise<number> {
    if (this.#client === undefined)
      throw new AzdsError("CONNECTION_LOST", `There is no connection to pod \`${this.pod}\` at the moment`);
    return this.#client.update(request, onEvent);
  }

  async #connect(afterCut: boolean): Promise<void> {
    const { kube, namespace, pod, signal, onState, onCaughtUp, effect, open = openAgentClient } = this.#options;
    const client = await open(kube, { namespace, pod, signal, onState });
    this.#client = client;
    this.#failure = undefined;
    await this.#options.onConnected?.(client);
    if (client.state().refusal === undefined) {
      const brought = await this.bring(effect(afterCut));
      if (brought !== undefined) await onCaughtUp(brought, afterCut);
    }
    this.#first.resolve();
  }

  #drop(): void {
    void this.#client?.close();
    this.#client = undefined;
    this.#at = undefined;
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #bring(effect: Effect): Promise<Brought | undefined> {
    const client = this.#client;
    if (client === undefined) return undefined;
    const { tree } = this.#options;
    const version = tree.version();
    if (this.#at?.version === version) return { files: 0, bytes: 0, ms: 0, failed: [] };
    const difference = await this.#bringChange(client, version, effect);
    if (difference !== undefined) return difference;
    const live = tree.live();
    const image = this.#options.image();
    const known = image === undefined ? undefined : withLeftInImage(live, image);
    const before = known === undefined ? undefined : await client.sync(tree.root, known, effect);
    const all = await client.sync(tree.root, live, effect);
    this.#at = { version, revision: all.revision ?? "" };
    return {
      files: (before?.files ?? 0) + all.files + all.deleted,
      bytes: (before?.bytesSent ?? 0) + all.bytesSent,
      ms: (before?.ms ?? 0) + all.ms,
      failed: all.failed,
    };
  }

  /** `undefined` when the container is not exactly one version behind. */
  async #bringChange(client: AgentClient, version: number, effect: Effect): Promise<Brought | undefined> {
    const { tree } = this.#options;
    const change = tree.lastChange();
    if (change === undefined || this.#at?.version !== version - 1) return undefined;
    const result = await client.change(tree, change, { base: this.#at.revision, effect });
    if (result.kind === "stale") return undefined;
    this.#at = { version, revision: result.revision };
    const { written, deleted, bytesSent, ms, failed } = result;
    return { files: written + deleted, bytes: bytesSent, ms, failed };
  }
}
