/** The HTTP exchanges of services: of the pods there are and of those that come, until the signal. */
import type { Clock } from "../../../core/host/clock.ts";
import { podsPath } from "../../../core/kube/paths.ts";
import type { KubeClient, WatchEvent } from "../../../core/kube/types.ts";
import { TRACE_PODS_MAX } from "../../../core/limits.ts";
import { asArray, asString, at } from "../../../core/parse.ts";
import type { TraceWish } from "../../../core/trace.ts";
import type { Emit } from "../events.ts";
import { hasSidecar, podView, type PodView } from "../pods/pod-view.ts";
import { type Exchange, traceEvent } from "./exchange.ts";
import { isWanted, type TraceFilter } from "./trace-filter.ts";
import { readTraces } from "./trace-source.ts";

export interface TraceRequest {
  readonly space: string;
  /** Name of the service that a pod is one of; `undefined`: not one that is traced. */
  readonly serviceOf: (pod: PodView) => string | undefined;
  readonly filter: TraceFilter;
  readonly wish: TraceWish;
}

export interface TraceOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Told of each exchange that is wanted, when it has ended. */
  readonly onEnded?: (exchange: Exchange) => void;
}

/** Rejects where pods may not be watched. */
export async function followTraces(request: TraceRequest, options: TraceOptions): Promise<void> {
  const followed = new FollowedPods(request, options);
  try {
    for await (const event of options.kube.watch(podsPath(request.space), options.signal)) followed.take(event);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

class FollowedPods {
  readonly #request: TraceRequest;
  readonly #options: TraceOptions;
  readonly #pods = new Map<string, PodView>();
  readonly #names = new Map<string, string>();
  readonly #reading = new Set<string>();
  #listed: Set<string> | undefined;
  #isFull = false;

  constructor(request: TraceRequest, options: TraceOptions) {
    this.#request = request;
    this.#options = options;
  }

  take(event: WatchEvent): void {
    if (event.type === "reset") {
      this.#listed = new Set();
      return;
    }
    if (event.type === "synced") {
      for (const uid of this.#pods.keys()) if (this.#listed?.has(uid) === false) this.#forget(uid);
      this.#listed = undefined;
      return;
    }
    const pod = podView(event.object);
    this.#listed?.add(pod.uid);
    if (event.type === "deleted") {
      this.#forget(pod.uid);
      return;
    }
    this.#pods.set(pod.uid, pod);
    for (const entry of asArray(at(event.object, "status", "podIPs"))) {
      const address = asString(at(entry, "ip"));
      if (address !== undefined) this.#names.set(address, pod.name);
    }
    this.#read(pod);
  }

  #forget(uid: string): void {
    const name = this.#pods.get(uid)?.name;
    this.#pods.delete(uid);
    for (const [address, other] of this.#names) if (other === name) this.#names.delete(address);
  }

  #read(pod: PodView): void {
    const service = this.#request.serviceOf(pod);
    if (service === undefined || this.#reading.has(pod.uid) || !hasSidecar(pod)) return;
    if (this.#reading.size >= TRACE_PODS_MAX) {
      this.#tellFull();
      return;
    }
    this.#reading.add(pod.uid);
    const traced = { pod: pod.name, namespace: pod.namespace, service };
    void readTraces(traced, {
      ...this.#options,
      wish: this.#request.wish,
      isAlive: () => this.#pods.has(pod.uid),
      onExchange: (exchange) => this.#show(exchange),
      onDropped: (count) => this.#tellDropped(pod.name, count),
    }).finally(() => this.#reading.delete(pod.uid));
  }

  #show(exchange: Exchange): void {
    const { filter } = this.#request;
    const { emit, onEnded } = this.#options;
    if (!isWanted(exchange, filter)) return;
    const nameOf = (address: string): string | undefined => this.#names.get(address);
    // A request that had to wait for its status is shown with it.
    if (exchange.response !== undefined && filter.status !== undefined)
      emit(traceEvent({ ...exchange, response: undefined }, nameOf));
    emit(traceEvent(exchange, nameOf));
    if (exchange.response !== undefined) onEnded?.(exchange);
  }

  #tellDropped(pod: string, count: number): void {
    const text = `${count} messages of the traces of \`${pod}\` were left out: there are more than can be shown`;
    this.#options.emit({ type: "message", level: "warning", text });
  }

  #tellFull(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    const text = `More than ${TRACE_PODS_MAX} pods cannot be traced at once; name services to choose`;
    this.#options.emit({ type: "message", level: "warning", text });
  }
}
