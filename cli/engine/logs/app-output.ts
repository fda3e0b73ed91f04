/** The application's output: from the agent in the container, which knows stdout from stderr, in whole lines. */
import { AGENT_STREAM } from "../../../core/agent-protocol.ts";
import { PORT } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { openPortForward } from "../../../core/kube/port-forward.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { RECONNECT_MS_MIN } from "../../../core/limits.ts";
import { linesOf, type OutputLine, parseOutput } from "../../../core/output.ts";
import { messageReader } from "../../../core/wire/messages.ts";
import { createMux } from "../../../core/wire/mux.ts";
import type { Emit, Event } from "../events.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import type { PodView } from "../pods/pod-view.ts";

export interface OutputOptions {
  readonly kube: KubeClient;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Follows every pod of the session from now on, new ones and those on their way out included, until the signal. */
export function followOutput(watch: PodWatch, options: OutputOptions): void {
  const followed = new Set<string>();
  const onPods = (pods: readonly PodView[]): void => {
    for (const pod of pods) {
      if (followed.has(pod.uid) || !isRunning(pod)) continue;
      followed.add(pod.uid);
      followPod(watch, pod, options).catch((error: unknown) => {
        if (!options.signal.aborted)
          options.emit({
            type: "message",
            level: isMisunderstood(error) ? "warning" : "verbose",
            text: `Output of \`${pod.name}\` ended: ${error instanceof Error ? error.message : String(error)}`,
          });
      });
    }
  };
  const unsubscribe = watch.subscribe({ onPods });
  options.signal.addEventListener("abort", unsubscribe, { once: true });
  onPods(watch.pods());
}

function isRunning(pod: PodView): boolean {
  return pod.containers.some(
    (container) => container.tag !== undefined && !container.init && container.state.kind === "running",
  );
}

/**
 * A container that restarts, or a cut, ends the stream; it is opened again and what was shown is not shown twice.
 * @throws AzdsError PROTOCOL when the agent speaks otherwise: it would do so again
 */
async function followPod(watch: PodWatch, pod: PodView, options: OutputOptions): Promise<void> {
  let last = 0;
  const isThere = (): boolean => watch.pods().some((other) => other.uid === pod.uid && !other.deleting);
  while (!options.signal.aborted && isThere()) {
    last = await followStream(pod, last, options).catch((error: unknown) => {
      if (isMisunderstood(error)) throw error;
      return last;
    });
    await options.clock.sleep(RECONNECT_MS_MIN, options.signal).catch(() => undefined);
  }
}

function isMisunderstood(error: unknown): boolean {
  return error instanceof AzdsError && error.code === "PROTOCOL";
}

function eventOf({ stream, text }: OutputLine, whose: { readonly pod: string; readonly container: string }): Event {
  if (stream === "agent") return { type: "message", level: "warning", text: `${whose.pod}: ${text}` };
  return { type: "log", ...whose, stream, text };
}

/** Resolves with the time of the last line that was shown, when the stream ends. */
async function followStream(pod: PodView, after: number, options: OutputOptions): Promise<number> {
  const carrier = await openPortForward(options.kube.connection, {
    namespace: pod.namespace,
    pod: pod.name,
    port: PORT.agent,
    signal: options.signal,
  });
  const mux = createMux(carrier, { role: "client" });
  const close = (): void => void mux.close();
  options.signal.addEventListener("abort", close, { once: true });
  const container = pod.containers.find((candidate) => candidate.tag !== undefined && !candidate.init)?.name ?? "";
  let last = after;
  try {
    const reader = messageReader(mux.open(AGENT_STREAM.output));
    for (let message = await reader.next(); message !== undefined; message = await reader.next()) {
      const chunk = parseOutput(message);
      if (chunk.at <= after) continue;
      last = chunk.at;
      for (const line of linesOf(chunk)) options.emit(eventOf(line, { pod: pod.name, container }));
    }
  } catch (error) {
    if (isMisunderstood(error)) throw error;
    // The carrier broke; what was shown counts, and the caller opens a new one while the pod is there.
  } finally {
    options.signal.removeEventListener("abort", close);
    await mux.close().catch(() => undefined);
  }
  return last;
}
