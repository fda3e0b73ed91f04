/**
 * One service under development, from the first look at its sources until Ctrl+C: deployed where that is needed, then
 * followed save by save. It holds what changes over that time: the project as azds.yaml says it now, the session's
 * record, the number of the last build.
 */
import { formatTag, type Session, type SessionContainer, type SessionTag } from "../../core/session.ts";
import type { Context } from "../context.ts";
import { loadProject } from "../project/load.ts";
import { attach } from "./attach.ts";
import { type ContextWatch, watchContext } from "./context-watch.ts";
import { deploy, type Deployed } from "./deploy.ts";
import { inputsDigest } from "./inputs.ts";
import { type BuiltVersion, followLivePods, type LivePods } from "./live-pods.ts";
import { newestBuild, offersTunnel, type PodView } from "./pod-view.ts";
import type { PodWatch } from "./pod-watch.ts";
import type { PortMapping } from "./port-mapping.ts";
import { type Prepared, tokensFor } from "./prepare.ts";
import { tellCauses } from "./ready.ts";
import type { SharedGateway } from "./shared-gateway.ts";
import { followSaves } from "./saves.ts";
import { recordBuild } from "./session-store.ts";
import { readSourceTree, type SourceTree } from "./source-tree.ts";
import { type Step, stepper } from "./steps.ts";
import { throughCuts } from "./through-cuts.ts";
import { remakeUninjected } from "./uninjected.ts";

export interface ServiceRunOptions {
  readonly prepared: Prepared;
  readonly session: Session;
  readonly watch: PodWatch;
  readonly detach: boolean;
  readonly clean: boolean;
  readonly noRebuild: boolean;
  readonly timings: boolean;
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
  readonly end: AbortController;
}

class ServiceRun {
  readonly #options: ServiceRunOptions;
  readonly #context: Context;
  readonly #step: Step;
  #prepared: Prepared;
  #session: Session;
  #build: number;
  /** Of the build that this command made. */
  #built: BuiltVersion | undefined;
  #lastRebuildMs: number | undefined;
  #remaking: Promise<void> = Promise.resolve();

  constructor(options: ServiceRunOptions, context: Context) {
    this.#options = options;
    this.#context = context;
    this.#step = stepper(context.emit, context.host.clock);
    this.#prepared = options.prepared;
    this.#session = options.session;
    this.#build = options.session.build;
  }

  async run(): Promise<void> {
    const { watch, detach, prepared } = this.#options;
    const { emit, signal, host } = this.#context;
    tellCauses(watch, { since: { session: this.#session.id, build: this.#build + 1 }, emit });
    this.#remaking = remakeUninjected({ kube: prepared.cluster.kube, watch, emit, clock: host.clock, signal });
    // It has been told before, and ends a deployment only.
    this.#remaking.catch(() => undefined);
    let source = await this.#openSource();
    const pods = (await this.#standing(source.tree)) ?? (await this.#deploy(source.tree, this.#options.clean)).pods;
    this.#announce(pods);
    if (detach) return this.#bringOnce(source);
    const withdraw = await this.#attach(pods);
    try {
      for (let first = true; ; first = false) {
        const live = this.#followPods(source);
        await live.settled();
        await this.#layVolume(source.tree, live);
        if (first) emit({ type: "message", level: "info", text: "Press Ctrl+C to detach" });
        if ((await this.#followSaves(source, live)) === "stopped" || signal.aborted) return;
        source.end.abort();
        source = await this.#openSource();
      }
    } finally {
      source.end.abort();
      await withdraw();
    }
  }

  /** Watches from before the first reading: a save during the deployment is brought after it. */
  async #openSource(): Promise<Source> {
    const { project } = this.#prepared;
    const end = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, end.signal]);
    const saves = this.#options.detach ? undefined : watchContext(project, signal);
    await saves?.ready;
    return { tree: await readSourceTree(project, signal), saves, end };
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
    return JSON.stringify(this.#wantedContainer()) !== JSON.stringify(this.#session.container);
  }

  /** A volume that was needed once is needed as long as the files land in the same place. */
  #wantedContainer(): SessionContainer {
    const { command, syncTarget = "" } = this.#prepared.project.config.container;
    const { volume, syncTarget: before } = this.#session.container;
    return { command, syncTarget, volume: syncTarget === before ? volume : "" };
  }

  async #inputs(tree: SourceTree): Promise<string> {
    const { project } = this.#prepared;
    const variables = { ...project.variables, ...this.#context.host.env };
    const expansion = { tokens: tokensFor(this.#prepared, ""), variables };
    return inputsDigest({ project, tree, expansion, signal: this.#context.signal });
  }

  async #deploy(tree: SourceTree, clean: boolean): Promise<Deployed> {
    const { emit, host, signal } = this.#context;
    return throughCuts(async () => this.#deployOnce(tree, clean), { emit, clock: host.clock, signal });
  }

  async #deployOnce(tree: SourceTree, clean: boolean): Promise<Deployed> {
    this.#build += 1;
    const tag: SessionTag = { session: this.#session.id, build: this.#build };
    const [version, live] = [tree.version(), tree.live()];
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
        remaking: this.#remaking,
      },
      this.#context,
    );
    this.#session = deployed.session;
    this.#built = { build: tag.build, version, live };
    return deployed;
  }

  /** azds.yaml itself may be what was saved. */
  async #rebuild(tree: SourceTree): Promise<void> {
    const started = performance.now();
    this.#prepared = { ...this.#prepared, project: loadProject(this.#prepared.project.folder) };
    await tree.rescan(this.#context.signal);
    await this.#deploy(tree, false);
    this.#lastRebuildMs = performance.now() - started;
  }

  #followPods({ tree, end }: Source): LivePods {
    const { prepared, watch } = { prepared: this.#prepared, watch: this.#options.watch };
    const { emit, host, signal } = this.#context;
    return followLivePods({
      kube: prepared.cluster.kube,
      session: this.#session.id,
      watch,
      tree,
      iterate: prepared.project.config.container.iterate,
      built: () => this.#built,
      emit,
      clock: host.clock,
      signal: AbortSignal.any([signal, end.signal]),
    });
  }

  async #followSaves({ tree, saves }: Source, live: LivePods): Promise<"stopped" | "redefined"> {
    if (saves === undefined) return "stopped";
    const { noRebuild, timings } = this.#options;
    return followSaves({
      project: this.#prepared.project,
      tree,
      saves,
      live,
      noRebuild,
      timings,
      rebuild: async () => this.#rebuild(tree),
      lastRebuild: () => this.#lastRebuildMs,
      emit: this.#context.emit,
      signal: this.#context.signal,
    });
  }

  /** For `-d`: what changed since the container started is brought, and nobody stays. */
  async #bringOnce(source: Source): Promise<void> {
    const isAsBuilt = this.#built?.build === this.#build;
    if (isAsBuilt || !livesInContainer(this.#prepared)) return;
    const live = this.#followPods(source);
    await live.settled();
    source.end.abort();
  }

  /** A container that may not write where its files are gets a volume there, once: its pod is made anew for it. */
  async #layVolume(tree: SourceTree, live: LivePods): Promise<void> {
    const refusal = live.refusal();
    if (refusal === undefined || !livesInContainer(this.#prepared)) return;
    const { emit } = this.#context;
    if (this.#session.container.volume !== "")
      return emit({ type: "message", level: "warning", text: `${refusal.why}; every save needs a new image` });
    const text = `${refusal.why}: laying a volume over it, for which the pod is made anew once`;
    emit({ type: "message", level: "info", text });
    this.#session = { ...this.#session, container: { ...this.#session.container, volume: refusal.target } };
    await recordBuild(this.#prepared.cluster.kube, this.#session);
    await this.#deploy(tree, false);
    await live.settled();
  }

  async #attach(pods: readonly PodView[]): Promise<() => Promise<void>> {
    const { watch, mappings, gateway } = this.#options;
    const request = { prepared: this.#prepared, session: this.#session, pods, watch, mappings, gateway };
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
