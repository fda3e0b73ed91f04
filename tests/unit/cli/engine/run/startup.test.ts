import { expect, test } from "bun:test";
import { podView, type PodView } from "../../../../../cli/engine/pods/pod-view.ts";
import type { PodWatch } from "../../../../../cli/engine/pods/pod-watch.ts";
import { haveComeUp } from "../../../../../cli/engine/run/startup.ts";
import { STARTUP_MS_MAX } from "../../../../../core/limits.ts";
import { manualClock, settle } from "../../../../fakes/clock.ts";
import { fakeKube } from "../../../../fakes/kube.ts";

/** A running pod of a session whose container names no port, so that only time and the cluster can tell. */
function pod(change: { readonly probed?: boolean; readonly ready?: boolean } = {}): PodView {
  return podView({
    metadata: { name: "web-1", namespace: "alice", uid: "u1" },
    spec: {
      containers: [
        { name: "web", image: "web:azds-abc123-1", ...(change.probed === true ? { readinessProbe: {} } : {}) },
      ],
    },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: (change.ready ?? true) ? "True" : "False" }],
    },
  });
}

interface Shown {
  readonly watch: PodWatch;
  readonly show: (pods: readonly PodView[]) => void;
}

function watched(first: readonly PodView[]): Shown {
  let pods = first;
  const looks = new Set<() => void>();
  const watch: PodWatch = {
    pods: () => pods,
    synced: async () => undefined,
    subscribe: () => () => true,
    until: async (look, signal) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const answer = look(pods);
          if (answer !== undefined) resolve(answer);
        };
        signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
        looks.add(check);
        check();
      }),
  };
  const show = (next: readonly PodView[]): void => {
    pods = next;
    for (const look of looks) look();
  };
  return { watch, show };
}

function options(): { kube: ReturnType<typeof fakeKube>; clock: ReturnType<typeof manualClock>; signal: AbortSignal } {
  return { kube: fakeKube(), clock: manualClock(), signal: new AbortController().signal };
}

test("haveComeUp() believes a readiness probe at once", async () => {
  const pods = [pod({ probed: true })];
  expect(await haveComeUp(pods, watched(pods).watch, options())).toBe(true);
});

test("haveComeUp() is false as soon as a pod is no longer ready", async () => {
  const { watch, show } = watched([pod()]);
  const answer = haveComeUp([pod()], watch, options());
  await settle();
  show([pod({ ready: false })]);
  expect(await answer).toBe(false);
});

test("haveComeUp() is true for an application without a port that is still there after STARTUP_MS_MAX", async () => {
  const given = options();
  const answer = haveComeUp([pod()], watched([pod()]).watch, given);
  await given.clock.advance(STARTUP_MS_MAX);
  expect(await answer).toBe(true);
});

test("haveComeUp() rejects with the signal", async () => {
  const stop = new AbortController();
  const answer = haveComeUp([pod()], watched([pod()]).watch, { ...options(), signal: stop.signal });
  await settle();
  stop.abort();
  expect(answer).rejects.toThrow();
  await answer.catch(() => undefined);
});
