import { expect, test } from "bun:test";
import type { Event } from "../../../../../cli/engine/events.ts";
import type { PodView } from "../../../../../cli/engine/pods/pod-view.ts";
import { podView } from "../../../../../cli/engine/pods/pod-view.ts";
import type { PodWatch } from "../../../../../cli/engine/pods/pod-watch.ts";
import { podsAppeared } from "../../../../../cli/engine/run/appeared.ts";
import { AzdsError } from "../../../../../core/errors.ts";
import { systemClock } from "../../../../../core/host/clock.ts";
import type { JsonObject } from "../../../../../core/parse.ts";
import { fakeKube } from "../../../../fakes/kube.ts";

const TAG = { session: "azds-abc123", build: 2 };
const SPEC = { containers: [{ name: "web", image: "web:azds-abc123-2" }] };
const DEPLOYMENTS = "/apis/apps/v1/namespaces/alice/deployments";

/** A watch whose waits pass their limits at once; from the wait `appears` on, the pod is there. */
function watchFrom(appears: number): PodWatch {
  let waits = 0;
  const pod: PodView = podView({ metadata: { name: "web-1" }, spec: SPEC });
  return {
    pods: () => [],
    synced: async () => undefined,
    subscribe: () => () => undefined,
    until: async (look, signal) => {
      waits += 1;
      const found = look(waits >= appears ? [pod] : []);
      if (found !== undefined) return found;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("late"))));
    },
  };
}

async function appearing(appears: number, deployment?: JsonObject): Promise<readonly Event[] | AzdsError> {
  const kube = fakeKube();
  if (deployment !== undefined) kube.put(`${DEPLOYMENTS}/web`, deployment);
  const events: Event[] = [];
  const { signal } = new AbortController();
  const limits = { appearMs: 1, lateMs: 1 };
  const options = { kube, space: "alice", tag: TAG, emit: (event: Event) => events.push(event), clock: systemClock };
  try {
    await podsAppeared(watchFrom(appears), { ...options, signal, limits });
    return events;
  } catch (error) {
    return error instanceof AzdsError ? error : Promise.reject(new Error(String(error)));
  }
}

test("podsAppeared() is over with the first pod of the tag", async () => {
  expect(await appearing(1)).toEqual([]);
});

test("podsAppeared() names the chart where no workload uses the tag", async () => {
  const older = { spec: { template: { spec: { containers: [{ name: "web", image: "web:azds-abc123-1" }] } } } };
  for (const deployment of [undefined, older, { spec: { replicas: 0, template: { spec: SPEC } } }]) {
    const outcome = await appearing(9, deployment);
    expect(outcome instanceof AzdsError ? outcome.message : "").toContain("No workload of the release");
  }
});

test("podsAppeared() waits on, and says so, where a workload should have made the pod", async () => {
  const outcome = await appearing(2, { spec: { replicas: 1, template: { spec: SPEC } } });
  expect(outcome).toEqual([
    {
      type: "message",
      level: "warning",
      text: "Deployment `web` has made no pod with tag `azds-abc123-2` after 0.001 s: the cluster's controllers are late; still waiting",
    },
  ]);
  const never = await appearing(9, { spec: { template: { spec: SPEC } } });
  expect(never instanceof AzdsError ? never.message : "").toContain("Deployment `web` has made no pod");
});
