import { describe, expect, test } from "bun:test";
import type { Clock } from "../../../core/host/clock.ts";
import { EVENTS_IN_FLIGHT_MAX } from "../../../core/limits.ts";
import { createEvents, eventOf, type PodNote } from "../../../webhook/events.ts";
import { fakeKube } from "./support/kube.ts";
import { until } from "./support/until.ts";

const clock: Clock = { now: () => Date.UTC(2024, 0, 2, 3, 4, 5, 678), sleep: async () => Promise.resolve() };

function note(owner: string, message = "host-network: …"): PodNote {
  const ownerReferences = [
    { apiVersion: "apps/v1", kind: "ReplicaSet", name: owner, uid: `uid-${owner}`, controller: true },
  ];
  return {
    type: "Normal",
    reason: "InjectionSkipped",
    message,
    pod: { metadata: { generateName: `${owner}-`, ownerReferences } },
    namespace: "alice",
  };
}

describe("eventOf()", () => {
  test("is an event on the pod's controller", () => {
    expect(eventOf(note("web"), clock.now())).toMatchObject({
      metadata: { namespace: "alice", generateName: "azds-" },
      involvedObject: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "uid-web", namespace: "alice" },
      type: "Normal",
      reason: "InjectionSkipped",
      firstTimestamp: "2024-01-02T03:04:05Z",
    });
  });

  test("is an event on the pod when nothing controls it", () => {
    const event = eventOf({ ...note("web"), pod: { metadata: { name: "shell" } } }, 0);
    expect(event).toMatchObject({ involvedObject: { kind: "Pod", name: "shell", namespace: "alice" } });
  });

  test("cuts the message where the API server would refuse it", () => {
    expect(String(eventOf(note("web", "x".repeat(2000)), 0)["message"]).length).toBe(1024);
  });
});

describe("createEvents()", () => {
  test("writes the same note on the same owner once", () => {
    const kube = fakeKube();
    const tell = createEvents({ kube: kube.client, clock, log: () => {} });
    for (const each of [note("web"), note("web"), note("api"), note("web", "windows: …")]) tell(each);
    expect(kube.calls.map((call) => [call.method, call.path])).toEqual(
      Array.from({ length: 3 }, () => ["POST", "/api/v1/namespaces/alice/events"]),
    );
  });

  test("writes a note on each pod without a controller, under the same name too", () => {
    const kube = fakeKube();
    const tell = createEvents({ kube: kube.client, clock, log: () => {} });
    const shell: PodNote = { ...note("web"), pod: { metadata: { name: "shell" } } };
    for (const each of [shell, shell]) tell(each);
    expect(kube.calls).toHaveLength(2);
  });

  test("drops notes while too many are being written, and goes on afterwards", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const kube = fakeKube({ answer: async () => promise });
    const tell = createEvents({ kube: kube.client, clock, log: () => {} });
    for (let index = 0; index < EVENTS_IN_FLIGHT_MAX + 5; index += 1) tell(note(`web-${index}`));
    expect(kube.calls.length).toBe(EVENTS_IN_FLIGHT_MAX);
    resolve({});
    let attempt = 0;
    await until(() => {
      tell(note(`later-${(attempt += 1)}`));
      return kube.calls.length > EVENTS_IN_FLIGHT_MAX;
    });
  });

  test("logs a refusal and does not throw", async () => {
    const logged: string[] = [];
    const kube = fakeKube({ answer: async () => Promise.reject(new Error("forbidden")) });
    createEvents({ kube: kube.client, clock, log: (_, message) => logged.push(message) })(note("web"));
    await until(() => logged.length > 0);
    expect(logged).toEqual(["Event was not written"]);
  });
});
