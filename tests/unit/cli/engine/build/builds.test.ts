import { expect, test } from "bun:test";
import { type BuildJob, serveWaitingPods } from "../../../../../cli/engine/build/builds.ts";
import { type PodView, podView } from "../../../../../cli/engine/pods/pod-view.ts";
import type { PodWatch } from "../../../../../cli/engine/pods/pod-watch.ts";
import { CONTAINER } from "../../../../../core/contract.ts";

const TAG = { session: "azds-bcdfgh", build: 1 };
const IMAGE = "azds.local/dev/web:azds-bcdfgh-1";

function pod(waits: boolean): PodView {
  const state = waits ? { running: {} } : { terminated: { reason: "Error", exitCode: 137 } };
  return podView({
    metadata: { name: "web-1", namespace: "dev", uid: "u" },
    spec: {
      nodeName: "node1",
      initContainers: [{ name: CONTAINER.build }],
      containers: [{ name: "web", image: IMAGE }],
    },
    status: { initContainerStatuses: [{ name: CONTAINER.build, state }] },
  });
}

test("serveWaitingPods() serves a pod again whose node went away and came back", async () => {
  const over = new AbortController();
  let attempts = 0;
  const watch: Pick<PodWatch, "pods" | "until"> = {
    pods: () => [pod(false)],
    until: async (look) => {
      const found = look([pod(true)]);
      if (found === undefined) throw new Error("The pod waits in vain");
      attempts += 1;
      if (attempts === 2) over.abort(new Error("Seen"));
      return found;
    },
  };
  // Stands for any failure of a build: its context is not there.
  const project = { contextFolder: "/nowhere", dockerfile: "Dockerfile", config: { build: { secrets: {} } } };
  const job = { tag: TAG, signal: over.signal, project, expansion: { variables: {} } };
  const serving = serveWaitingPods(watch as PodWatch, job as unknown as BuildJob, []);
  const failure: unknown = await serving.catch((error: unknown) => error);
  expect(failure).toHaveProperty("code", "ENOENT");
  expect(attempts).toBe(2);
});
