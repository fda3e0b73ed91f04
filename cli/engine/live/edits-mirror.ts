/**
 * Leaves what is edited in place with the builder of the pod's node, so that a new pod starts with it. Works in the
 * background, one after another; what is saved meanwhile goes along with the next.
 */
import { countEdits, editsTree, type Entries, entriesOf } from "../../../core/edits.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import {
  MIRROR_DELAY_MS,
  MIRROR_FINISH_MS_MAX,
  MIRROR_MS_MAX,
  MIRROR_PAUSE_MS,
  MIRROR_RECORD_MS,
} from "../../../core/limits.ts";
import type { Session, SessionEdits, SessionTag } from "../../../core/session.ts";
import { type BuilderClient, openBuilderClient } from "../build/builder-client.ts";
import type { Emit } from "../events.ts";
import { startedWith } from "../pods/pod-edits.ts";
import { newestBuild, offersTunnel, type PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import { recordEdits } from "../session-store.ts";
import type { SourceTree } from "./source-tree.ts";

export interface MirrorOptions {
  readonly kube: KubeClient;
  readonly session: Pick<Session, "id" | "space" | "edits">;
  readonly watch: Pick<PodWatch, "pods">;
  readonly emit: Emit;
  readonly clock: Clock;
  /** For tests. */
  readonly open?: typeof openBuilderClient;
}

/** A version of the tree that these pods have, by uid. */
interface Brought {
  readonly tree: SourceTree;
  readonly pods: readonly string[];
}

interface Connected {
  readonly pod: PodView;
  readonly build: number;
  readonly client: BuilderClient;
  /** What the image was made from. Where nobody knows, it is empty, and everything counts as edited. */
  readonly built: Entries;
}

export class EditsMirror {
  readonly #options: MirrorOptions;
  #wanted: Brought | undefined;
  #running: Promise<void> | undefined;
  #connected: Connected | undefined;
  /** As it is, or is about to be, in the session's record. */
  #record: SessionEdits | undefined;
  #isRecorded = true;
  #recordedAt = -Infinity;
  /** The first failure in a row is told. */
  #failed = false;
  readonly #finishing = new AbortController();
  /** The command's own signal must not break off the last mirror. */
  readonly #stop = new AbortController();

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#record = options.session.edits;
  }

  brought(tree: SourceTree, pods: readonly string[]): void {
    this.#wanted = { tree, pods };
    this.#running ??= this.#run();
  }

  /** The pod started with edits that no build command of the developer's has seen yet. */
  isUnbuilt(pod: PodView): boolean {
    return (startedWith(pod)?.edits ?? 0) > 0 && this.#record?.pods.includes(pod.uid) !== true;
  }

  /** Leaves the last edits there, within MIRROR_FINISH_MS_MAX. */
  async finish(): Promise<void> {
    const { clock } = this.#options;
    this.#finishing.abort();
    if (this.#wanted !== undefined) this.#running ??= this.#run();
    const done = new AbortController();
    const late = clock.sleep(MIRROR_FINISH_MS_MAX, done.signal).then(
      () => true,
      () => false,
    );
    const isLate = await Promise.race([late, (this.#running ?? Promise.resolve()).then(() => false)]);
    done.abort();
    this.#stop.abort();
    await this.#connected?.client.close().catch(() => undefined);
    if (isLate) this.#warn("their builder took too long");
    else if (this.#wanted !== undefined) this.#warn("their builder cannot be reached");
  }

  async #run(): Promise<void> {
    await this.#pause(MIRROR_DELAY_MS);
    while (!this.#stop.signal.aborted) {
      const next = this.#wanted;
      this.#wanted = undefined;
      if (next !== undefined && !(await this.#attempt(next))) {
        // Comes along with the next save, or at the end.
        this.#wanted ??= next;
        break;
      }
      const isDue = this.#options.clock.now() - this.#recordedAt >= MIRROR_RECORD_MS || this.#finishing.signal.aborted;
      if (!this.#isRecorded && isDue) await this.#tell();
      if (this.#hasNothingLeft()) break;
      await this.#pause(MIRROR_PAUSE_MS);
    }
    this.#running = undefined;
  }

  /** None when the command is about to end. */
  async #pause(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#finishing.signal).catch(() => undefined);
  }

  #hasNothingLeft(): boolean {
    return this.#wanted === undefined && this.#isRecorded;
  }

  /** A connection that was kept may be dead: then it is tried once more with another. */
  async #attempt(brought: Brought): Promise<boolean> {
    for (const isLast of this.#connected === undefined ? [true] : [false, true]) {
      try {
        await this.#inTime(this.#mirror(brought));
        this.#failed = false;
        return true;
      } catch (error) {
        await this.#disconnect();
        if (this.#stop.signal.aborted) return false;
        if (isLast && !this.#failed && !this.#finishing.signal.aborted)
          this.#warn(error instanceof Error ? error.message : String(error));
      }
    }
    this.#failed = true;
    return false;
  }

  async #inTime(work: Promise<void>): Promise<void> {
    const done = new AbortController();
    const late = this.#options.clock
      .sleep(MIRROR_MS_MAX, AbortSignal.any([done.signal, this.#stop.signal]))
      .then(() => {
        throw new AzdsError("TIMED_OUT", "The builder took too long");
      });
    try {
      await Promise.race([work, late]);
    } finally {
      work.catch(() => undefined);
      late.catch(() => undefined);
      done.abort();
    }
  }

  async #mirror({ tree, pods }: Brought): Promise<void> {
    const connected = await this.#connect();
    // Nothing can be edited where nothing runs.
    if (connected === undefined) return;
    const { client, pod, build, built } = connected;
    const tag = { session: this.#options.session.id, build };
    const manifest = tree.editsSince(built);
    const edits = countEdits(manifest);
    const before = this.#record?.build === build ? this.#record : undefined;
    if (edits === 0 && (before?.edits ?? 0) === 0) return;
    // A pod that starts from now on asks for the edits.
    if (before === undefined) {
      this.#note({ build, edits, id: "", nodes: [], pods });
      await this.#tell();
    }
    const sent = await client.sync({ root: tree.root, manifest, tree: editsTree(tag) });
    const id = (await client.edits(tag))?.id ?? "";
    this.#note({ build, edits, id, nodes: [pod.node], pods });
    const text = `Left ${edits === 1 ? "1 edit" : `${edits} edits`} on node \`${pod.node}\`, ${sent.bytesSent} bytes in ${Math.round(sent.ms)} ms`;
    this.#options.emit({ type: "message", level: "verbose", text });
  }

  #note(record: SessionEdits): void {
    this.#isRecorded &&= JSON.stringify(record) === JSON.stringify(this.#record);
    this.#record = record;
  }

  async #tell(): Promise<void> {
    const { kube, session, clock, emit } = this.#options;
    const record = this.#record;
    this.#recordedAt = clock.now();
    if (record === undefined) return;
    this.#isRecorded = true;
    await recordEdits(kube, session, record).catch((error: unknown) => {
      const text = `The session's record does not tell of the edits: ${String(error)}`;
      emit({ type: "message", level: "verbose", text });
    });
  }

  /** To the builder of the first pod of the newest build; builders ask one another. `undefined` while no pod runs. */
  async #connect(): Promise<Connected | undefined> {
    const { kube, watch, session, clock, open = openBuilderClient } = this.#options;
    const running = watch.pods().filter(offersTunnel);
    const build = Math.max(0, ...running.map((pod) => newestBuild(pod, session.id)));
    const pods = running.filter((pod) => build > 0 && newestBuild(pod, session.id) === build);
    const there = this.#connected;
    if (there !== undefined && there.build === build && pods.some(({ uid }) => uid === there.pod.uid)) return there;
    await this.#disconnect();
    const [pod] = pods;
    if (pod === undefined) return undefined;
    const target = { namespace: pod.namespace, pod: pod.name, agent: undefined, signal: this.#stop.signal, clock };
    const client = await open(kube, target);
    try {
      const built = there?.build === build ? there.built : await builtBy(client, { session: session.id, build });
      this.#connected = { pod, build, client, built };
      return this.#connected;
    } catch (error) {
      await client.close().catch(() => undefined);
      throw error;
    }
  }

  async #disconnect(): Promise<void> {
    const { client } = this.#connected ?? {};
    this.#connected = undefined;
    await client?.close().catch(() => undefined);
  }

  #warn(why: string): void {
    const text = `Edits in place will not outlive their pod so far: ${why}`;
    this.#options.emit({ type: "message", level: "warning", text });
  }
}

async function builtBy(client: BuilderClient, tag: SessionTag): Promise<Entries> {
  return entriesOf((await client.built(tag)) ?? { entries: [] });
}
