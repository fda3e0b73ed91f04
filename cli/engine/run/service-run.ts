/**
 * One service under development, from the first look at its sources until Ctrl+C: deployed where that is needed, then
 * followed save by save. It holds what changes over that time: the project as azds.yaml says it now, the session's
 * record, the number of the last build.
 */
import { join } from "node:path";
import { ERROR_HINTS } from "../../../core/errors.ts";
import { formatTag, type Session, type SessionContainer, type SessionTag } from "../../../core/session.ts";
import type { Context } from "../../context.ts";
import { loadProject } from "../../project/load.ts";
import { attach } from "../reach/attach.ts";
import { BackSync } from "../live/back-sync.ts";
import { type ContextWatch, watchContext } from "../live/context-watch.ts";
import { deploy, type Deployed } from "./deploy.ts";
import { EditsMirror } from "../live/edits-mirror.ts";
import { inputsDigest } from "./inputs.ts";
import { type BuiltVersion, followLivePods, type LivePods, type Refusal } from "../live/live-pods.ts";
import { newestBuild, offersTunnel, type PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import type { PortMapping } from "../reach/port-mapping.ts";
import { type Prepared, tokensFor } from "./prepare.ts";
import { tellCauses } from "./ready.ts";
import type { SharedGateway } from "../reach/shared-gateway.ts";
import { followSaves } from "../live/saves.ts";
import { recordBuild } from "../session-store.ts";
import { readSourceTree, type SourceTree } from "../live/source-tree.ts";
import { type Step, stepper } from "../steps.ts";
import { throughCuts } from "./through-cuts.ts";
import { remakeUninjected } from "./uninjected.ts";

export interface ServiceRunOptions {
  readonly prepared: Prepared;
  readonly session: Session;
  readonly watch: PodWatch;
  readonly detach: boolean;
  readonly clean: boolean;
  readonly noRebuild: boolean;
  /** The application is not started: a command of `azds exec` takes its place. */
  readonly awaitExec: boolean;
  readonly timings: boolean;
  /** HTTP requests of the pods are shown while attached. */
  readonly traces: boolean;
  readonly mappings: readonly PortMapping[];
  readonly gateway: SharedGateway;
}

/** Resolves when the service runs and is detached from: at once, or with the signal. */
export async function runService(options: ServiceRunOptions, context: Context): Promise<void> {
  await new ServiceRun(options, context).run();
}

/** The sources as they are followed: re-made when azds.yaml or the rules of what is ignored change. */
interface Source {
  readonly tree: SourceTree;
  readonly saves: ContextWatch | undefined;
  /** Takes what the containers make; absent where nobody stays. */
  readonly back: BackSync | undefined;
  readonly end: AbortController;
}

class ServiceRun {
  readonly #options: ServiceRunOptions;
  readonly #context: Context;
  readonly #step: Step;
  #prepared: Prepared;
  #session: Session;
  #build: number;
  /** Of the last build that this command made or is making. */
  #built: BuiltVersion | undefined;
  #lastRebuildMs: number | undefined;
  readonly #mirror: EditsMirror;
  #remaking: Promise<void> = Promise.resolve();

  constructor(options: ServiceRunOptions, context: Context) {
    this.#options = options;
    this.#context = context;
    this.#step = stepper(context.emit, context.host.clock);
    this.#prepared = options.prepared;
    this.#session = options.session;
    this.#build = options.session.build;
    const { watch, session, prepared } = options;
    const { emit, host } = context;
    this.#mirror = new EditsMirror({ kube: prepared.cluster.kube, session, watch, emit, clock: host.clock });
  }

  async run(): Promise<void> {
    try {
      await this.#run();
    } finally {
      await this.#mirror.finish();
    }
  }

  async #run(): Promise<void> {
    const { watch, detach, prepared } = this.#options;
    const { emit, signal, host } = this.#context;
    tellCauses(watch, { since: { session: this.#session.id, build: this.#build + 1 }, emit });
    this.#remaking = remakeUninjected({ kube: prepared.cluster.kube, watch, emit, clock: host.clock, signal });
    // It has been told before, and ends a deployment only.
    this.#remaking.catch(() => undefined);
    const source = await this.#openSource();
    const standing = await this.#standing(source.tree);
    if (detach) return this.#runDetached(source, standing);
    // From before the pods run: an application that ends at its start is held for the next save.
    const live = this.#followPods(source, standing === undefined ? this.#build + 1 : this.#build);
    const pods = standing ?? (await this.#deploy(source.tree, this.#options.clean, live)).pods;
    this.#announce(pods);
    const withdraw = await this.#attach(pods);
    try {
      await this.#follow(source, live);
    } finally {
      await withdraw();
    }
  }

  async #runDetached(source: Source, standing: readonly PodView[] | undefined): Promise<void> {
    const pods = standing ?? (await this.#deploy(source.tree, this.#options.clean)).pods;
    this.#announce(pods);
    // What changed since a standing container started is brought, and nobody stays.
    if ((standing === undefined && !this.#landsElsewhere()) || !livesInContainer(this.#prepared)) return;
    const live = this.#followPods(source, this.#build);
    await live.settled();
    await this.#makeWritable(source.tree, live);
    source.end.abort();
  }

  /** Save by save, with sources read anew whenever azds.yaml or the rules of what is ignored change, or saves were missed. */
  async #follow(first: Source, firstLive: LivePods): Promise<void> {
    const { emit, signal } = this.#context;
    let [source, live] = [first, firstLive];
    try {
      for (;;) {
        await live.settled();
        await this.#makeWritable(source.tree, live);
        if (source === first) emit({ type: "message", level: "info", text: "Press Ctrl+C to detach" });
        if ((await this.#followSaves(source, live)) === "stopped" || signal.aborted) return;
        source.end.abort();
        // The new source counts its versions from the beginning; none of them is what was built.
        if (this.#built !== undefined) this.#built = { ...this.#built, version: 0 };
        source = await this.#openSource();
        live = this.#followPods(source, this.#build);
      }
    } finally {
      source.end.abort();
    }
  }

  /** Watches from before the first reading: a save during the deployment is brought after it. */
  async #openSource(): Promise<Source> {
    const { project } = this.#prepared;
    const end = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, end.signal]);
    const saves = this.#options.detach ? undefined : watchContext(project, signal);
    await saves?.ready;
    const tree = await readSourceTree(project, signal, join(this.#context.host.folder, "hashes"));
    return { tree, saves, back: saves === undefined ? undefined : this.#openBack(tree), end };
  }

  #openBack(tree: SourceTree): BackSync | undefined {
    const { syncBack: globs } = this.#prepared.project.config.container;
    const { host, emit } = this.#context;
    const conflicts = join(host.folder, "conflicts", this.#session.id);
    return globs.length === 0 ? undefined : new BackSync({ tree, globs, conflicts, emit });
  }

  /** The pods that run exactly what a deployment would bring; `undefined` when something has to be built. */
  async #standing(tree: SourceTree): Promise<readonly PodView[] | undefined> {
    const { watch, clean } = this.#options;
    const { signal, emit } = this.#context;
    if (clean || this.#session.inputs === "" || this.#wantsOtherContainer()) return undefined;
    if (this.#session.inputs !== (await this.#inputs(tree))) return undefined;
    await watch.synced(signal);
    const { id, build } = this.#session;
    const pods = watch.pods().filter((pod) => !pod.deleting && newestBuild(pod, id) === build);
    if (pods.length === 0 || !pods.every((pod) => offersTunnel(pod) && pod.ready)) return undefined;
    emit({ type: "message", level: "info", text: "Nothing to build: image and release are up to date" });
    return pods;
  }

  /** What azds.yaml asks of the container reaches a pod only when it is made. */
  #wantsOtherContainer(): boolean {
    const current = { ...this.#session.container, attended: !this.#options.detach };
    return JSON.stringify(this.#wantedContainer()) !== JSON.stringify(current);
  }

  /** A volume that was needed once is needed as long as the files land in the same place. */
  #wantedContainer(): SessionContainer {
    const { command, syncTarget = "", iterate } = this.#prepared.project.config.container;
    const { volume, syncTarget: before } = this.#session.container;
    const { detach, awaitExec } = this.#options;
    const attended = !detach;
    const buildCommands = iterate?.buildCommands ?? [];
    return { command, syncTarget, volume: syncTarget === before ? volume : "", attended, buildCommands, awaitExec };
  }

  /** The image of the newest build holds the tree as it is now. */
  #isAsBuilt(tree: SourceTree): boolean {
    return this.#built?.build === this.#build && this.#built.version === tree.version();
  }

  #landsElsewhere(): boolean {
    return this.#prepared.project.config.container.syncTarget !== undefined;
  }

  async #inputs(tree: SourceTree): Promise<string> {
    const { project, imagePrefix } = this.#prepared;
    const variables = { ...project.variables, ...this.#context.host.env };
    const expansion = { tokens: tokensFor(this.#prepared, ""), variables };
    return inputsDigest({ project, tree, imagePrefix, expansion, signal: this.#context.signal });
  }

  async #deploy(tree: SourceTree, clean: boolean, live?: LivePods): Promise<Deployed> {
    const { emit, host, signal } = this.#context;
    return throughCuts(async () => this.#deployOnce(tree, clean, live), { emit, clock: host.clock, signal });
  }

  async #deployOnce(tree: SourceTree, clean: boolean, live: LivePods | undefined): Promise<Deployed> {
    this.#build += 1;
    const tag: SessionTag = { session: this.#session.id, build: this.#build };
    // Before it is made: its pods are followed from their first moment.
    this.#built = { build: tag.build, version: tree.version(), live: tree.live() };
    const deployed = await deploy(
      {
        prepared: this.#prepared,
        session: { ...this.#session, container: this.#wantedContainer() },
        tag,
        watch: this.#options.watch,
        source: tree.buildSource(this.#session.id),
        inputs: await this.#inputs(tree),
        clean,
        step: this.#step,
        held: async (signal) => live?.ended(signal) ?? new Promise<never>(() => undefined),
        remaking: this.#remaking,
      },
      this.#context,
    );
    this.#session = deployed.session;
    return deployed;
  }

  /** azds.yaml itself may be what was saved. */
  async #rebuild(tree: SourceTree, live: LivePods): Promise<void> {
    const started = performance.now();
    this.#prepared = { ...this.#prepared, project: loadProject(this.#prepared.project.folder) };
    await tree.rescan(this.#context.signal);
    await this.#deploy(tree, false, live);
    this.#lastRebuildMs = performance.now() - started;
  }

  #followPods({ tree, back, end }: Source, fromBuild: number): LivePods {
    const { emit, host, signal } = this.#context;
    return followLivePods({
      kube: this.#prepared.cluster.kube,
      session: this.#session.id,
      watch: this.#options.watch,
      tree,
      iterate: this.#prepared.project.config.container.iterate,
      fromBuild,
      elsewhere: this.#landsElsewhere(),
      built: () => this.#built,
      unbuilt: (pod) => this.#mirror.isUnbuilt(pod),
      onBrought: (pods) => {
        // What the image has needs no other place.
        if (!this.#isAsBuilt(tree)) this.#mirror.brought(tree, pods);
      },
      back,
      emit,
      clock: host.clock,
      signal: AbortSignal.any([signal, end.signal]),
    });
  }

  async #followSaves({ tree, saves, back }: Source, live: LivePods): Promise<"stopped" | "redefined" | "missed"> {
    if (saves === undefined) return "stopped";
    const { noRebuild, timings } = this.#options;
    return followSaves({
      project: this.#prepared.project,
      tree,
      saves,
      live,
      back,
      noRebuild,
      timings,
      rebuild: async () => this.#rebuild(tree, live),
      lastRebuild: () => this.#lastRebuildMs,
      emit: this.#context.emit,
      signal: this.#context.signal,
    });
  }

  /** Where files cannot be brought to the container, it gets a volume there, or a new image as often as needed. */
  async #makeWritable(tree: SourceTree, live: LivePods): Promise<void> {
    const refusal = live.refusal();
    if (refusal === undefined || !livesInContainer(this.#prepared)) return;
    if (refusal.volumeHelps && this.#session.container.volume !== refusal.target)
      return this.#layVolume(tree, live, refusal);
    this.#tellRefusal(refusal);
    if (!this.#isAsBuilt(tree)) await this.#deploy(tree, false, live);
  }

  /** Once: the pod is made anew for it. */
  async #layVolume(tree: SourceTree, live: LivePods, { why, target }: Refusal): Promise<void> {
    const text = `${why}: laying a volume over it, for which the pod is made anew once`;
    this.#context.emit({ type: "message", level: "info", text });
    this.#session = { ...this.#session, container: { ...this.#session.container, volume: target } };
    await recordBuild(this.#prepared.cluster.kube, this.#session);
    const { pods } = await this.#deploy(tree, false, live);
    await live.settled();
    const still = live.refusal();
    if (still !== undefined) this.#tellRefusal(still, pods[0]?.warning);
  }

  /** @param cause why the webhook could lay no volume */
  #tellRefusal({ why }: Refusal, cause = ""): void {
    const code = "SYNC_TARGET_UNWRITABLE";
    const told = cause === "" ? why : `${why} (${cause})`;
    const text = `${code}: ${told}; every save needs a new image. ${ERROR_HINTS[code]}`;
    this.#context.emit({ type: "message", level: "warning", text });
  }

  async #attach(pods: readonly PodView[]): Promise<() => Promise<void>> {
    const { watch, mappings, gateway, traces } = this.#options;
    const request = { prepared: this.#prepared, session: this.#session, pods, watch, mappings, gateway, traces };
    return attach(request, this.#context);
  }

  #announce(pods: readonly PodView[]): void {
    const { emit } = this.#context;
    const { project, space } = this.#prepared;
    emit({
      type: "result",
      name: "up",
      data: {
        space: space.path,
        service: project.name,
        tag: formatTag({ session: this.#session.id, build: this.#build }),
        pods: pods.map((pod) => ({ name: pod.name, node: pod.node })),
      },
    });
    const text = `Service '${project.name}' is running in dev space '${space.path}'`;
    emit({ type: "message", level: "info", text });
  }
}

function livesInContainer({ project }: Prepared): boolean {
  const { sync, iterate } = project.config.container;
  return sync.length > 0 || iterate !== undefined;
}
