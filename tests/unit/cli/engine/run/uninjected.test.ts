import { expect, test } from "bun:test";
import type { Event } from "../../../../../cli/engine/events.ts";
import { watchPods } from "../../../../../cli/engine/pods/pod-watch.ts";
import { remakeUninjected } from "../../../../../cli/engine/run/uninjected.ts";
import { AzdsError } from "../../../../../core/errors.ts";
import type { JsonObject } from "../../../../../core/parse.ts";
import { REMAKE_MS_MIN, REMAKES_MAX } from "../../../../../core/limits.ts";
import { manualClock, settle } from "../../../../fakes/clock.ts";
import { fakeKube } from "../../../../fakes/kube.ts";

const SESSION = "azds-abc123";
const PODS = "/api/v1/namespaces/alice/pods";

function pod(overrides: JsonObject = {}, labels: JsonObject = {}): JsonObject {
  const ownerReferences = [{ kind: "ReplicaSet", name: "web", controller: true }];
  return {
    metadata: { labels, ownerReferences, ...overrides },
    spec: { nodeName: "node1", containers: [{ name: "web", image: `web:${SESSION}-1` }] },
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "web", state: { waiting: { reason: "ErrImageNeverPull" } } }],
    },
  };
}

function watching(): {
  readonly kube: ReturnType<typeof fakeKube>;
  readonly clock: ReturnType<typeof manualClock>;
  readonly events: Event[];
  readonly work: Promise<void>;
  readonly end: AbortController;
} {
  const kube = fakeKube();
  const clock = manualClock();
  const events: Event[] = [];
  const end = new AbortController();
  const { signal } = end;
  const watch = watchPods(kube, { space: "alice", session: SESSION, signal, onError: () => undefined });
  const work = remakeUninjected({ kube, watch, emit: (event) => events.push(event), clock, signal });
  work.catch(() => undefined);
  return { kube, clock, events, work, end };
}

test("remakeUninjected() deletes a pod that was made without the webhook, and says why", async () => {
  const { kube, clock, events, end } = watching();
  kube.put(`${PODS}/web-1`, pod());
  await clock.advance(REMAKE_MS_MIN);
  expect(kube.get(`${PODS}/web-1`)).toBeUndefined();
  expect(events.map((event) => ("text" in event ? event.text : ""))).toEqual([
    `Pod \`web-1\` was made without the webhook, so nobody builds its image \`web:${SESSION}-1\`: making it anew`,
  ]);
  end.abort();
});

test("remakeUninjected() leaves pods that nobody would make again, and those with the sidecar", async () => {
  const { kube, clock, end } = watching();
  kube.put(`${PODS}/alone`, pod({ ownerReferences: [] }));
  kube.put(`${PODS}/fine`, pod({}, { "azds.io/instrumented": "true" }));
  await clock.advance(100 * REMAKE_MS_MIN);
  expect(kube.get(`${PODS}/alone`)).toBeDefined();
  expect(kube.get(`${PODS}/fine`)).toBeDefined();
  end.abort();
});

test("remakeUninjected() gives up when no webhook comes back", async () => {
  const { kube, clock, work } = watching();
  for (let made = 0; made <= REMAKES_MAX; made += 1) {
    kube.put(`${PODS}/web-${made}`, pod());
    await clock.advance(REMAKE_MS_MIN * 2 ** made);
    await settle();
  }
  const failure = await work.catch((error: unknown) => error);
  expect(failure instanceof AzdsError ? failure.code : failure).toBe("POD_NOT_INJECTED");
});
