/** The last words of applications that end with an error while `up` waits for them, each crashed container once. */
import { CRASH_LOG_LINES_MAX } from "../../../core/limits.ts";
import { withQuery } from "../../../core/kube/paths.ts";
import { carries } from "../build/builds.ts";
import { causeOf } from "../pods/diagnose.ts";
import type { PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import type { ReadyOptions } from "./ready.ts";

export interface CrashLines {
  /** Resolves when the lines of all crashes so far are out. */
  readonly settled: () => Promise<void>;
  readonly stop: () => void;
}

/** Emits them as soon as the first crash is known: the restarts that follow would only say the same again. */
export function showCrashLines(watch: PodWatch, options: ReadyOptions): CrashLines {
  const shown = new Map<string, Promise<void>>();
  const onPods = (pods: readonly PodView[]): void => {
    for (const pod of pods) {
      const cause = carries(pod, options.tag) && !pod.deleting ? causeOf(pod) : undefined;
      if (cause?.code !== "POD_CRASHED" || cause.container === undefined || shown.has(pod.uid)) continue;
      shown.set(pod.uid, showLastLines(pod, cause.container, options));
    }
  };
  const stop = watch.subscribe({ onPods });
  onPods(watch.pods());
  return { stop, settled: async () => void (await Promise.all(shown.values())) };
}

/** The output that ended with the crash: of the run before when the container has been started again. */
async function showLastLines(pod: PodView, container: string, { kube, emit, signal }: ReadyOptions): Promise<void> {
  const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log`;
  for (const previous of [true, false]) {
    const text = await kube
      .stream({ method: "GET", path: withQuery(path, { container, previous, tailLines: CRASH_LOG_LINES_MAX }), signal })
      .then(async (body) => new Response(body).text())
      .catch(() => "");
    if (text === "") continue;
    for (const line of text.trimEnd().split("\n"))
      emit({ type: "log", pod: pod.name, container, stream: "stderr", text: line });
    return;
  }
}
