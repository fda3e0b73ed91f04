import { describe, expect, test } from "bun:test";
import { followPods, sessionPod } from "../../../builder/pods.ts";
import type { WantedImage } from "../../../builder/restore.ts";
import { at } from "../../../core/parse.ts";
import { manualClock } from "../../fakes/clock.ts";
import { fakeKube } from "../../fakes/kube.ts";

const IMAGE = "azds.local/dev/web:azds-abc123-1";
const PATH = "/api/v1/namespaces/dev/pods/web-1";

function pod(state: unknown): Readonly<Record<string, unknown>> {
  return {
    metadata: { name: "web-1", namespace: "dev", uid: "u1", labels: { "azds.io/session": "azds-abc123" } },
    spec: {
      nodeName: "node-1",
      initContainers: [{ name: "devspaces-build", image: "azds.local/azds:1" }],
      containers: [
        { name: "web", image: IMAGE },
        { name: "foreign", image: "azds.local/other/web:azds-abc123-1" },
      ],
    },
    // As the kubelet has it: the image by the digest of its last run.
    status: { containerStatuses: [{ name: "web", image: "sha256:1", state }] },
  };
}

const RUNNING = pod({ running: {} });
const LACKING = pod({ waiting: { reason: "ErrImageNeverPull" } });

describe("sessionPod()", () => {
  test("knows the images of the pod's own namespace, and which the kubelet misses", () => {
    expect(sessionPod(RUNNING, "azds.local")).toEqual({
      name: "web-1",
      namespace: "dev",
      uid: "u1",
      images: [IMAGE],
      missing: [],
    });
    expect(sessionPod(LACKING, "azds.local").missing).toEqual([IMAGE]);
  });

  test("a pod that goes away misses nothing", () => {
    const going = {
      ...LACKING,
      metadata: {
        ...(LACKING["metadata"] as object),
        deletionTimestamp: "now",
      },
    };
    expect(sessionPod(going, "azds.local").missing).toEqual([]);
  });
});

describe("followPods()", () => {
  test("gives a pod its image back and says so in an event, and stops when the pod is gone", async () => {
    const kube = fakeKube();
    kube.put(PATH, RUNNING);
    const stop = new AbortController();
    const wanted: WantedImage[] = [];
    followPods({
      kube,
      node: "node-1",
      prefix: "azds.local",
      images: {
        save: () => Promise.resolve(),
        find: () => Promise.resolve(undefined),
        onSaved: () => () => {},
      },
      restorer: {
        own: () => Promise.resolve(undefined),
        restore: (want) => {
          wanted.push(want);
          return Promise.resolve({ record: undefined, why: "No other node has it" });
        },
      },
      clock: manualClock(),
      log: () => {},
      signal: stop.signal,
    });
    await Bun.sleep(5);
    expect(wanted).toEqual([]);
    kube.put(PATH, LACKING);
    const events = (): readonly unknown[] =>
      kube.calls.filter(({ method }) => method === "POST").map(({ body }) => body);
    while (events().length === 0) await Bun.sleep(1);
    expect(wanted).toMatchObject([{ namespace: "dev", image: IMAGE, believeMs: 0 }]);
    expect(events()).toMatchObject([
      { reason: "ImageAwaited", involvedObject: { kind: "Pod", name: "web-1", uid: "uid-1" } },
    ]);
    expect(String(at(events()[0], "message"))).toContain("No other node has it");
    await kube.remove(PATH);
    while (wanted[0]?.signal.aborted !== true) await Bun.sleep(1);
    stop.abort(new Error("The test is over"));
  });
});
