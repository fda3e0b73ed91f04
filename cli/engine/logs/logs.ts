/** Logs of services: of the pods there are, and while following also of those that come. */
import type { Clock } from "../../../core/host/clock.ts";
import { AzdsError } from "../../../core/errors.ts";
import { podsPath } from "../../../core/kube/paths.ts";
import { KubeError, type KubeClient, type WatchEvent } from "../../../core/kube/types.ts";
import { LOG_BURST_BYTES_MAX, LOG_STREAMS_MAX } from "../../../core/limits.ts";
import type { Emit, Event } from "../events.ts";
import { formatTime } from "./log-lines.ts";
import { createLogMerge, type LogMerge, type Merged } from "./log-merge.ts";
import { type LogPlace, type LogReading, readLog } from "./log-source.ts";
import type { ContainerView } from "../pods/pod-view.ts";
import { applicationContainers, listPods, type Workload, workloadPod, type WorkloadPod } from "../pods/workloads.ts";

export interface LogsRequest extends LogReading {
  readonly space: string;
  readonly workloads: readonly Workload[];
  /** Pods of no workload too, under their own names. */
  readonly all: boolean;
}

export interface LogsOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Resolves when what was emitted has been taken. */
  readonly drained: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Notes of the kubelet about one log that are worth telling. */
const NOTES_MAX = 10;

/** One container whose log is shown. */
interface Origin extends LogPlace {
  /** Of the pod. */
  readonly uid: string;
  readonly service: string;
  /** What stands before its lines. */
  readonly label: string;
}

/**
 * Shows what there is and returns.
 * @throws AzdsError NO_LOG when there is no log at all
 */
export async function showLogs(request: LogsRequest, options: LogsOptions): Promise<void> {
  const { kube, emit, signal } = options;
  const origins = originsOf(await listPods(kube, request.space, signal), request);
  if (origins.length === 0) throw new AzdsError("NO_LOG", nothingThere(request));
  for (const { name } of request.workloads)
    if (!request.all && !origins.some(({ service }) => service === name))
      emit({ type: "message", level: "warning", text: `No container of \`${name}\` has started` });
  const merge = createLogMerge<Origin>(options.clock, { patient: true });
  const stop = new AbortController();
  const reading = AbortSignal.any([signal, stop.signal]);
  const chosen = within(origins, emit);
  const refused: string[] = [];
  const read = async (origin: Origin): Promise<void> => {
    const onNote = noteOf(origin, request, emit);
    const to = { ...options, signal: reading, isAlive: () => false, onNote, lane: merge.lane(origin) };
    await readLog(origin, request, to).catch((error: unknown) => {
      if (!isUnavailable(error)) throw error;
      refused.push(`No log of \`${origin.label}\`: ${error.message}`);
    });
  };
  const allRead = Promise.all(chosen.map(read)).catch((error: unknown) => {
    stop.abort(error);
    throw error;
  });
  merge.close();
  await Promise.all([allRead, emitLines(merge, { ...options, signal: reading })]);
  if (refused.length === chosen.length) throw new AzdsError("NO_LOG", refused.join("; "));
  for (const text of refused) emit({ type: "message", level: "warning", text });
}

/** Shows what there is and what comes, until the signal. */
export async function followLogs(request: LogsRequest, options: LogsOptions): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const followed = new FollowedPods(request, { ...options, signal }, (error) => failed.abort(error));
  await Promise.all([followed.watch(), emitLines(followed.merge, { ...options, signal })]);
}

/** The pods of the space, and a log being read for each container that concerns the request. */
class FollowedPods {
  readonly merge: LogMerge<Origin>;
  readonly #request: LogsRequest;
  readonly #options: LogsOptions;
  readonly #fail: (error: unknown) => void;
  readonly #pods = new Map<string, WorkloadPod>();
  /** Pod and container of each log that was opened, ended ones of living pods included. */
  readonly #known = new Set<string>();
  #reading = 0;
  /** Pods of the list that is just coming. */
  #listed: Set<string> | undefined;
  #next: LogReading;

  constructor(request: LogsRequest, options: LogsOptions, fail: (error: unknown) => void) {
    this.#request = request;
    this.#next = request;
    this.#options = options;
    this.#fail = fail;
    this.merge = createLogMerge(options.clock, { patient: false });
  }

  async watch(): Promise<void> {
    const { kube, signal } = this.#options;
    try {
      for await (const event of kube.watch(podsPath(this.#request.space), signal)) this.#take(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(event: WatchEvent): void {
    if (event.type === "reset") {
      this.#listed = new Set();
    } else if (event.type === "synced") {
      for (const uid of this.#pods.keys()) if (this.#listed?.has(uid) === false) this.#pods.delete(uid);
      this.#listed = undefined;
      this.#open(this.#next);
      // Pods that come later are shown from their start.
      this.#next = { ...this.#next, tail: undefined, sinceSeconds: undefined };
    } else {
      const pod = workloadPod(event.object);
      this.#listed?.add(pod.uid);
      if (event.type === "deleted") this.#pods.delete(pod.uid);
      else this.#pods.set(pod.uid, pod);
      if (this.#listed === undefined) this.#open(this.#next);
    }
  }

  #open(reading: LogReading): void {
    for (const origin of originsOf([...this.#pods.values()], this.#request)) {
      const key = `${origin.uid}/${origin.container}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      if (this.#reading < LOG_STREAMS_MAX) this.#read(origin, reading);
      else this.#options.emit(leftOut([origin]));
    }
  }

  #read(origin: Origin, reading: LogReading): void {
    const isAlive = (): boolean => !isOver(this.#pods.get(origin.uid), origin.container);
    this.#reading += 1;
    readLog(origin, reading, {
      ...this.#options,
      isAlive,
      onNote: noteOf(origin, reading, this.#options.emit),
      lane: this.merge.lane(origin),
    })
      .catch(this.#fail)
      .finally(() => {
        this.#reading -= 1;
      });
  }
}

/** Nothing more will come: the pod is gone or has ended. */
function isOver(pod: WorkloadPod | undefined, container: string): boolean {
  const state = pod?.containers.find(({ name }) => name === container)?.state;
  if (pod === undefined || state === undefined) return true;
  return state.kind === "terminated" && (pod.deleting || pod.phase === "Succeeded" || pod.phase === "Failed");
}

function hasStarted({ state, restarts }: ContainerView): boolean {
  return state.kind !== "waiting" || restarts > 0;
}

function originsOf(pods: readonly WorkloadPod[], request: LogsRequest): readonly Origin[] {
  return pods
    .toSorted((a, b) => a.created - b.created)
    .flatMap((pod) => {
      const service = request.workloads.find(({ owns }) => owns(pod))?.name ?? (request.all ? pod.name : undefined);
      const containers = applicationContainers(pod);
      if (service === undefined) return [];
      const started = containers.filter(hasStarted);
      return started.map(({ name }) => ({
        uid: pod.uid,
        namespace: pod.namespace,
        pod: pod.name,
        container: name,
        service,
        label: labelOf({ service, pod: pod.name, container: containers.length > 1 ? name : undefined }),
      }));
    });
}

/** The pod's name says the service's where it can; a container is named where there are several. */
function labelOf(origin: {
  readonly service: string;
  readonly pod: string;
  readonly container: string | undefined;
}): string {
  const { service, pod, container } = origin;
  const parts = [...(pod.includes(service) ? [] : [service]), pod, ...(container === undefined ? [] : [container])];
  return parts.join("/");
}

/** The newest that can be read at once. */
function within(origins: readonly Origin[], emit: Emit): readonly Origin[] {
  if (origins.length > LOG_STREAMS_MAX) emit(leftOut(origins.slice(0, -LOG_STREAMS_MAX)));
  return origins.slice(-LOG_STREAMS_MAX);
}

function leftOut(origins: readonly Origin[]): Event {
  const labels = origins.map(({ label }) => `\`${label}\``).join(", ");
  return { type: "message", level: "warning", text: `More than ${LOG_STREAMS_MAX} logs at once; left out: ${labels}` };
}

/** Each note once. That there is no log any more is what a deleted pod's log ends with. */
function noteOf({ label }: Origin, { follow }: LogReading, emit: Emit): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text) || told.size >= NOTES_MAX) return;
    told.add(text);
    const isEnd = follow && text.startsWith("unable to retrieve container logs");
    emit({ type: "message", level: isEnd ? "verbose" : "warning", text: `Log of \`${label}\`: ${text}` });
  };
}

function nothingThere({ workloads, space, all }: LogsRequest): string {
  if (all) return `Nothing runs in dev space \`${space}\``;
  const names = workloads.map(({ name }) => `\`${name}\``).join(", ");
  return `No container of ${names} has started in dev space \`${space}\``;
}

/** The kubelet has no such log: 400 for a container that waits, 404 for a pod that has just gone. */
function isUnavailable(error: unknown): error is KubeError {
  return error instanceof KubeError && (error.status === 400 || error.status === 404);
}

async function emitLines(merge: LogMerge<Origin>, { emit, drained, signal }: LogsOptions): Promise<void> {
  let bytes = 0;
  for await (const { owner, line } of merge.lines(signal)) {
    emit(eventOf({ owner, line }));
    bytes += line.text.length;
    if (bytes < LOG_BURST_BYTES_MAX) continue;
    bytes = 0;
    await drained();
  }
}

function eventOf({ owner, line }: Merged<Origin>): Event {
  const { pod, container, service, label } = owner;
  return {
    type: "log",
    pod,
    container,
    stream: "stdout",
    text: line.text,
    service,
    label,
    time: formatTime(line.time),
  };
}
