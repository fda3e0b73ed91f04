/** The exchanges that one request caused, read from the sidecars of the pods that it touched, one after the other. */
import type { Clock } from "../../core/host/clock.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { LIVE_READ_AGAIN_MS, LIVE_READ_MS_MAX, LIVE_READS_MAX, TRACE_PODS_MAX } from "../../core/limits.ts";
import type { RouteTable } from "../../core/routing.ts";
import type { Exchange } from "../engine/traces/exchange.ts";
import { traceOf } from "../engine/traces/short-id.ts";
import { readRemembered } from "../engine/traces/trace-source.ts";
import { type PodFacts, readFacts, type SpaceFacts } from "./space-facts.ts";
import { forwards } from "./trace-tree.ts";

export interface Touched {
  readonly exchanges: readonly Exchange[];
  /** Every pod that was looked at, and those without a sidecar beside them. */
  readonly pods: readonly PodFacts[];
  /** Pods whose sidecar could not be asked. */
  readonly silent: readonly string[];
}

export interface TouchedOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly table: RouteTable;
  readonly signal: AbortSignal;
}

/** What the request may have touched first: a pod, or the pods of a Service. */
export interface Start {
  readonly pods: readonly { readonly namespace: string; readonly pod: string }[];
  /** `<namespace>/<name>` */
  readonly services: readonly string[];
}

export async function readTouched(trace: string, start: Start, options: TouchedOptions): Promise<Touched> {
  const search = new Search(trace, options);
  await search.begin(start);
  for (let again = 0; again < LIVE_READS_MAX;) {
    if (await search.read()) continue;
    if (search.isComplete()) break;
    // What must have passed there has not been noted yet.
    again += 1;
    await options.clock.sleep(LIVE_READ_AGAIN_MS, options.signal);
    search.lookAgain();
  }
  return search.touched();
}

class Search {
  readonly #trace: string;
  readonly #options: TouchedOptions;
  readonly #spaces = new Map<string, SpaceFacts | undefined>();
  /** By `<namespace>/<name>`. */
  readonly #pods = new Map<string, PodFacts>();
  readonly #exchanges = new Map<string, Exchange>();
  readonly #silent = new Set<string>();
  /** Pods behind each Service that was reached. */
  readonly #behind = new Map<string, readonly PodFacts[]>();
  readonly #unread: PodFacts[] = [];
  #first: readonly PodFacts[] = [];

  constructor(trace: string, options: TouchedOptions) {
    this.#trace = trace;
    this.#options = options;
  }

  async begin({ pods, services }: Start): Promise<void> {
    for (const { namespace, pod } of pods) {
      const facts = (await this.#space(namespace))?.pods.find(({ name }) => name === pod);
      if (facts !== undefined) this.#add(facts);
    }
    for (const service of services) await this.#reach(service);
    this.#first = [...this.#unread];
  }

  /** Reads the pods that are new; false when there were none. */
  async read(): Promise<boolean> {
    const pods = this.#unread.splice(0);
    if (pods.length === 0) return false;
    const found = await Promise.all(pods.map(async (pod) => this.#ask(pod)));
    for (const exchange of found.flat()) {
      this.#exchanges.set(keyOf(exchange), exchange);
      const service = exchange.response?.service;
      if (forwards(exchange) && service !== undefined) await this.#reach(service);
    }
    return true;
  }

  /** Whether the first pods saw the request, and the pods of each Service that was reached saw as much. */
  isComplete(): boolean {
    return this.#late().length === 0;
  }

  lookAgain(): void {
    this.#unread.push(...this.#late());
  }

  touched(): Touched {
    return { exchanges: [...this.#exchanges.values()], pods: [...this.#pods.values()], silent: [...this.#silent] };
  }

  #late(): readonly PodFacts[] {
    const seen = [...this.#exchanges.values()];
    if (seen.length === 0) return this.#first.filter((pod) => this.#canTell(pod));
    return [...this.#behind].flatMap(([service, pods]) => {
      const sent = seen.filter((each) => forwards(each) && each.response?.service === service).length;
      const came = seen.filter(({ request, pod, namespace }) => {
        return request.direction === "in" && pods.some((each) => each.name === pod && each.namespace === namespace);
      }).length;
      return came < sent && pods.every((pod) => this.#canTell(pod)) ? pods : [];
    });
  }

  #canTell(pod: PodFacts): boolean {
    return pod.sidecar !== undefined && !this.#silent.has(pod.name);
  }

  async #ask(pod: PodFacts): Promise<readonly Exchange[]> {
    if (pod.sidecar === undefined) return [];
    const { kube, signal } = this.#options;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIVE_READ_MS_MAX)]);
    const traced = { pod: pod.name, namespace: pod.namespace, service: "" };
    try {
      const all = await readRemembered(traced, { kube, signal: limit });
      return all.filter(({ request }) => traceOf(request.traceparent)?.trace === this.#trace);
    } catch {
      signal.throwIfAborted();
      this.#silent.add(pod.name);
      return [];
    }
  }

  async #reach(service: string): Promise<void> {
    if (this.#behind.has(service)) return;
    const [namespace = "", name = ""] = service.split("/");
    const facts = await this.#space(namespace);
    const endpoints = this.#options.table.find(namespace, name)?.endpoints ?? [];
    const pods = (facts?.pods ?? []).filter(({ addresses }) => addresses.some((each) => endpoints.includes(each)));
    this.#behind.set(service, pods);
    for (const pod of pods) this.#add(pod);
  }

  #add(pod: PodFacts): void {
    const key = `${pod.namespace}/${pod.name}`;
    if (this.#pods.has(key) || this.#pods.size >= TRACE_PODS_MAX) return;
    this.#pods.set(key, pod);
    this.#unread.push(pod);
  }

  async #space(namespace: string): Promise<SpaceFacts | undefined> {
    if (!this.#spaces.has(namespace)) {
      const { kube, signal } = this.#options;
      this.#spaces.set(namespace, (await readFacts(kube, [namespace], signal)).get(namespace));
    }
    return this.#spaces.get(namespace);
  }
}

function keyOf({ namespace, pod, run, request }: Exchange): string {
  return `${namespace}/${pod}/${run}/${request.id}`;
}
