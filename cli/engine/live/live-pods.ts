/** The running containers of a session's newest build, all kept in step with the source tree, whichever come and go. */
import type { AgentState, UpdateRequest } from "../../../core/agent-protocol.ts";
import { aborted } from "../../../core/host/aborted.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { LIVE_SETTLED_MS_MAX } from "../../../core/limits.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import type { IterateSettings } from "../../project/config.ts";
import { causeOf } from "../pods/diagnose.ts";
import type { Emit } from "../events.ts";
import { type Brought, linkPod, type PodLink } from "./pod-link.ts";
import type { BackSync } from "./back-sync.ts";
import type { Effect, openAgentClient } from "./agent-client.ts";
import { newestBuild, offersTunnel, type PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import type { SourceTree } from "./source-tree.ts";

export interface LivePodsOptions {
  readonly kube: KubeClient;
  /** Id of the session. */
  readonly session: string;
  readonly watch: PodWatch;
  readonly tree: SourceTree;
  readonly iterate: IterateSettings | undefined;
  /** Older builds are about to be replaced and stay as they are. */
  readonly fromBuild: number;
  /** Files land in a folder that azds.yaml names, of which the image may have nothing. */
  readonly elsewhere: boolean;
  /** The last build that this command made, and the version of the tree that went into it. */
  readonly built: () => BuiltVersion | undefined;
  /** Whether the pod started with edits for which no build command has run. */
  readonly unbuilt: (pod: PodView) => boolean;
  /** Called after something was brought, with the pods (by uid) that have the newest version. */
  readonly onBrought: (pods: readonly string[]) => void;
  /** Takes what the containers make, where azds.yaml wants that. */
  readonly back?: BackSync | undefined;
  readonly emit: Emit;
  readonly clock: Clock;
  /** Ends all links. */
  readonly signal: AbortSignal;
  /** For tests; default: openAgentClient. */
  readonly open?: typeof openAgentClient;
}

export interface BuiltVersion {
  readonly build: number;
  readonly version: number;
  /** Its part that lives in the container. */
  readonly live: Manifest;
}

export interface PodBrought {
  readonly pod: string;
  /** `undefined`: there is no connection; it follows with the next one. */
  readonly brought: Brought | undefined;
}

export interface LivePods {
  /**
   * Resolves when the pods that are there now have been brought up to date once. One that cannot be reached within
   * LIVE_SETTLED_MS_MAX is told and tried further.
   */
  readonly settled: () => Promise<void>;
  /** Brings the newest version of the tree to all. */
  readonly bring: (effect: Effect) => Promise<readonly PodBrought[]>;
  /** Resolves with the milliseconds that the slowest took. @throws AzdsError UPDATE_FAILED, CONNECTION_LOST */
  readonly update: (request: UpdateRequest) => Promise<number>;
  /** The folder that a container's files land in, and why it cannot be written; `undefined` while all can. */
  readonly refusal: () => Refusal | undefined;
  /** False when no container of the newest build runs, and none is on its way: one that restarts or moves is waited for. */
  readonly any: () => boolean;
  /** Resolves when an application has ended and is held in its container, or is not to start; rejects with the signal. */
  readonly ended: (signal: AbortSignal) => Promise<void>;
}

export interface Refusal {
  readonly target: string;
  readonly why: string;
  /** A volume over the folder would do away with it. */
  readonly volumeHelps: boolean;
}

export function followLivePods(options: LivePodsOptions): LivePods {
  const pods = new Followed(options);
  const unsubscribe = options.watch.subscribe({ onPods: (now) => pods.follow(now) });
  options.signal.addEventListener("abort", unsubscribe, { once: true });
  pods.follow(options.watch.pods());
  return pods;
}

/** What brings a change of anything but copied files into effect. */
export function updateRequest(
  iterate: IterateSettings,
  dependencies: readonly (readonly string[])[] = [],
): UpdateRequest {
  return {
    processesToKill: iterate.processesToKill,
    buildCommands: [...dependencies, ...iterate.buildCommands],
    restart: true,
  };
}

interface FollowedPod {
  readonly link: PodLink;
  readonly end: AbortController;
}

class Followed implements LivePods {
  readonly #options: LivePodsOptions;
  readonly #links = new Map<string, FollowedPod>();
  #someEnded = Promise.withResolvers<void>();

  constructor(options: LivePodsOptions) {
    this.#options = options;
  }

  /** Links to the running pods of the newest build; ends those to all others. */
  follow(pods: readonly PodView[]): void {
    const { session, fromBuild } = this.#options;
    const newest = Math.max(fromBuild, ...pods.map((pod) => newestBuild(pod, session)));
    const wanted = new Map(
      pods.filter((pod) => isReachable(pod) && newestBuild(pod, session) === newest).map((pod) => [pod.uid, pod]),
    );
    for (const [uid, { end }] of this.#links) {
      if (wanted.has(uid)) continue;
      end.abort();
      this.#links.delete(uid);
    }
    for (const [uid, pod] of wanted) if (!this.#links.has(uid)) this.#links.set(uid, this.#linkTo(pod));
  }

  async settled(): Promise<void> {
    const { clock, signal, emit } = this.#options;
    const links = this.#all();
    const enough = new AbortController();
    const patience = clock.sleep(LIVE_SETTLED_MS_MAX, AbortSignal.any([signal, enough.signal])).catch(() => undefined);
    await Promise.race([Promise.all(links.map(async (link) => link.first)), patience]);
    enough.abort();
    for (const link of links) {
      const failure = link.failure();
      if (failure === undefined || signal.aborted) continue;
      const text = `Pod \`${link.pod}\` cannot be updated in place so far: ${failure}`;
      emit({ type: "message", level: "warning", text });
    }
  }

  async bring(effect: Effect): Promise<readonly PodBrought[]> {
    // A link that breaks meanwhile brings all of it when it is back.
    const pods = await Promise.all(
      this.#all().map(async (link) => ({ pod: link.pod, brought: await link.bring(effect).catch(() => undefined) })),
    );
    this.#tellBrought();
    return pods;
  }

  #tellBrought(): void {
    const { tree, onBrought } = this.#options;
    const version = tree.version();
    const current = [...this.#links].filter(([, { link }]) => link.version() === version).map(([uid]) => uid);
    if (current.length > 0) onBrought(current);
  }

  async update(request: UpdateRequest): Promise<number> {
    const times = await Promise.all(this.#all().map(async (link) => this.#updateOne(link, request)));
    return Math.max(0, ...times);
  }

  async ended(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#someEnded.promise, aborted(signal)]);
  }

  any(): boolean {
    return this.#links.size > 0 || this.#isExpected();
  }

  /** A pod of the newest build of which nothing is known to be wrong; of one that is deleted its owner makes another. */
  #isExpected(): boolean {
    const { session, watch } = this.#options;
    const pods = watch.pods();
    const newest = Math.max(0, ...pods.map((pod) => newestBuild(pod, session)));
    return pods.some((pod) => {
      const comes = pod.deleting ? pod.owned : causeOf(pod)?.final !== true;
      return newest > 0 && newestBuild(pod, session) === newest && comes;
    });
  }

  refusal(): Refusal | undefined {
    const states = this.#all().flatMap((link) => link.state() ?? []);
    const refused = states.find(({ refusal }) => refusal !== undefined);
    if (refused?.refusal === undefined) return undefined;
    const { target, refusal: why, volumeHelps = false } = refused;
    return { target, why, volumeHelps };
  }

  #all(): readonly PodLink[] {
    return [...this.#links.values()].map(({ link }) => link);
  }

  #linkTo(pod: PodView): FollowedPod {
    const { kube, tree, clock, signal, emit, iterate, back, open } = this.#options;
    const end = new AbortController();
    const say = (level: "info" | "warning", text: string): void => emit({ type: "message", level, text });
    const link: PodLink = linkPod({
      kube,
      namespace: pod.namespace,
      pod: pod.name,
      tree,
      clock,
      ...(open === undefined ? {} : { open }),
      signal: AbortSignal.any([signal, end.signal]),
      onState: endTeller((code) => {
        if (code === undefined)
          say(
            "info",
            `${pod.name}: the application is not started; \`azds exec -- COMMAND\` runs what is wanted there`,
          );
        else say("warning", `${pod.name}: the application ended with code ${code}; it starts again with the next save`);
        this.#someEnded.resolve();
        this.#someEnded = Promise.withResolvers();
      }),
      image: () => this.#builtFor(pod)?.live,
      onConnected: async (client) => back?.join({ pod: pod.name, client, image: () => this.#builtFor(pod)?.live }),
      effect: (afterCut) => (iterate === undefined || this.#runsNewest(pod, afterCut) ? "at once" : "with update"),
      onLost: (why) => say("warning", `The connection to pod \`${pod.name}\` was lost (${why}); trying again`),
      onCaughtUp: async (brought, afterCut) => this.#caughtUp(pod, { link, brought, afterCut }),
    });
    return { link, end };
  }

  /** A container that lacked something runs what it had: it has to start again, unless its image is the newest version. */
  async #caughtUp(pod: PodView, caught: CaughtUp): Promise<void> {
    const { emit, iterate, unbuilt } = this.#options;
    const { files, failed } = caught.brought;
    tellFailed(pod.name, failed, emit);
    const runsNewest = this.#runsNewest(pod, caught.afterCut);
    const isBehind = caught.link.state()?.behind === true || (files > 0 && !runsNewest);
    const isUnbuilt = unbuilt(pod) && caught.link.state()?.rebuilt !== true;
    const lacksBuild = iterate !== undefined && iterate.buildCommands.length > 0 && !runsNewest && isUnbuilt;
    const restarts = (isBehind || lacksBuild) && iterate !== undefined;
    if (caught.afterCut || restarts) {
      const what = files === 0 ? "nothing was missed" : `${files} ${files === 1 ? "file" : "files"} brought up to date`;
      const text = caught.afterCut ? `Pod \`${pod.name}\` is connected again: ${what}` : `Pod \`${pod.name}\`: ${what}`;
      emit({ type: "message", level: "info", text: restarts ? `${text}, restarting the application` : text });
    }
    this.#tellBrought();
    if (restarts) await this.#restart(caught.link, iterate);
  }

  /** What the application's own commands refuse, the next save may mend; the files are there. */
  async #restart(link: PodLink, iterate: IterateSettings): Promise<void> {
    try {
      await this.#updateOne(link, updateRequest(iterate));
    } catch (error) {
      if (!(error instanceof AzdsError) || error.code !== "UPDATE_FAILED") throw error;
      this.#options.emit({ type: "message", level: "warning", text: `${link.pod}: ${error.code}: ${error.message}` });
    }
  }

  /** Its application was started from the image of the newest version, and nothing has happened to it since. */
  #runsNewest(pod: PodView, afterCut: boolean): boolean {
    return !afterCut && !this.#options.elsewhere && this.#isAsBuilt(pod);
  }

  #isAsBuilt(pod: PodView): boolean {
    return this.#builtFor(pod)?.version === this.#options.tree.version();
  }

  /** What the pod's image was built from, when this command did it. */
  #builtFor(pod: PodView): BuiltVersion | undefined {
    const built = this.#options.built();
    return newestBuild(pod, this.#options.session) === built?.build ? built : undefined;
  }

  async #updateOne(link: PodLink, request: UpdateRequest): Promise<number> {
    const { emit } = this.#options;
    return link.update(request, (event) => {
      if (event.type === "step" && event.name === "build")
        emit({ type: "message", level: "verbose", text: `${link.pod}: ${event.text} (${Math.round(event.ms)} ms)` });
    });
  }
}

interface CaughtUp {
  readonly link: PodLink;
  readonly brought: Brought;
  readonly afterCut: boolean;
}

/** Paths told one by one; more are counted. */
const FAILED_TOLD_MAX = 5;

export function tellFailed(pod: string, failed: Brought["failed"], emit: Emit): void {
  for (const { path, why } of failed.slice(0, FAILED_TOLD_MAX))
    emit({ type: "message", level: "warning", text: `${pod}: \`${path}\` could not be brought: ${why}` });
  const more = failed.length - FAILED_TOLD_MAX;
  if (more > 0) emit({ type: "message", level: "warning", text: `${pod}: ${more} more files could not be brought` });
}

/** Calls `tell` once for each end of the application; without a code where it is not to be started at all. */
function endTeller(tell: (code: number | undefined) => void): (state: AgentState) => void {
  let [told, toldAwaiting] = [false, false];
  return ({ process }) => {
    if (process.kind === "ended" && !told) tell(process.code);
    told = process.kind === "ended";
    if (process.kind === "awaiting" && !toldAwaiting) tell(undefined);
    toldAwaiting ||= process.kind === "awaiting";
  };
}

function isReachable(pod: PodView): boolean {
  const running = pod.containers.some(
    (container) => container.tag !== undefined && !container.init && container.state.kind === "running",
  );
  return running && offersTunnel(pod);
}
