/** The traces of one pod's sidecar, over cuts and restarts, each message once. */
import { PORT } from "../../../core/contract.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { openPortForward } from "../../../core/kube/port-forward.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { RECONNECT_MS_MAX, RECONNECT_MS_MIN, TRACE_LINE_BYTES_MAX, TRACES_OPEN_MAX } from "../../../core/limits.ts";
import { parseTraceMessage, type RequestTrace, type TraceMessage, type TraceWish } from "../../../core/trace.ts";
import { bytesOf } from "../../../core/wire/byte-stream.ts";
import { readLines } from "../../../core/wire/lines.ts";
import type { Exchange, TracedPod } from "./exchange.ts";

export interface TraceSourceOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly wish: TraceWish;
  /** Whether the pod is still there. */
  readonly isAlive: () => boolean;
  readonly onExchange: (exchange: Exchange) => void;
  readonly onDropped: (count: number) => void;
}

/** Until the signal or the pod's end. */
export async function readTraces(pod: TracedPod, options: TraceSourceOptions): Promise<void> {
  const { clock, signal, isAlive } = options;
  const join = new TraceJoin(pod, options);
  let failures = 0;
  while (!signal.aborted && isAlive()) {
    const before = join.count;
    await readOnce(pod, options, join).catch(() => undefined);
    failures = join.count > before ? 0 : failures + 1;
    const ms = Math.min(RECONNECT_MS_MIN * 2 ** failures, RECONNECT_MS_MAX);
    await clock.sleep(ms, signal).catch(() => undefined);
  }
}

type Source = Pick<TraceSourceOptions, "kube" | "signal" | "wish">;

async function readOnce(pod: TracedPod, { kube, signal, wish }: Source, join: TraceJoin): Promise<void> {
  const stream = await openPortForward(kube.connection, {
    namespace: pod.namespace,
    pod: pod.pod,
    port: PORT.traces,
    signal,
  });
  try {
    // What was missed in a cut is asked for, and what was told already is known.
    const asked: TraceWish = { ...wish, backlog: wish.backlog || join.count > 0 };
    await stream.write(new TextEncoder().encode(`${JSON.stringify(asked)}\n`));
    for await (const line of readLines(bytesOf(stream), TRACE_LINE_BYTES_MAX)) {
      const message = parseTraceMessage(line);
      if (message?.type === "end") return;
      if (message !== undefined) join.take(message);
    }
  } finally {
    stream.abort();
  }
}

/** What the sidecar remembers of one pod, and no more. Rejects where it cannot be asked. */
export async function readRemembered(
  pod: TracedPod,
  options: Pick<TraceSourceOptions, "kube" | "signal">,
): Promise<readonly Exchange[]> {
  const found = new Map<number, Exchange>();
  const join = new TraceJoin(pod, {
    onExchange: (exchange) => void found.set(exchange.request.id, exchange),
    onDropped: () => undefined,
  });
  const wish = { backlog: true, follow: false, fields: false, bodies: false };
  await readOnce(pod, { ...options, wish }, join);
  return [...found.values()];
}

/** Puts requests and responses together, and leaves out what was told before. */
export class TraceJoin {
  count = 0;
  readonly #pod: TracedPod;
  readonly #options: Pick<TraceSourceOptions, "onExchange" | "onDropped">;
  /** Requests without a response yet, by their number. */
  readonly #open = new Map<number, RequestTrace>();
  /** Numbers whose response was told, as far back as the sidecar remembers. */
  readonly #done = new Set<number>();
  #run = "";

  constructor(pod: TracedPod, options: Pick<TraceSourceOptions, "onExchange" | "onDropped">) {
    this.#pod = pod;
    this.#options = options;
  }

  take(message: TraceMessage): void {
    this.count += 1;
    switch (message.type) {
      case "hello":
        this.#begin(message.run);
        break;
      case "end":
        break;
      case "dropped":
        this.#options.onDropped(message.count);
        break;
      case "request": {
        if (this.#open.has(message.id) || this.#done.has(message.id)) break;
        this.#open.set(message.id, message);
        forgetOldest(this.#open);
        this.#tell(message, undefined);
        break;
      }
      case "response": {
        const request = this.#open.get(message.id);
        if (request === undefined) break;
        this.#open.delete(message.id);
        this.#done.add(message.id);
        forgetOldest(this.#done);
        this.#tell(request, message);
        break;
      }
    }
  }

  #begin(run: string): void {
    if (run === this.#run) return;
    this.#run = run;
    this.#open.clear();
    this.#done.clear();
  }

  #tell(request: RequestTrace, response: Exchange["response"]): void {
    this.#options.onExchange({ ...this.#pod, run: this.#run, request, response });
  }
}

function forgetOldest(kept: Map<number, unknown> | Set<number>): void {
  if (kept.size <= TRACES_OPEN_MAX) return;
  for (const oldest of kept.keys()) {
    kept.delete(oldest);
    return;
  }
}
