import { expect, test } from "bun:test";
import { redirectEvent, redirectEvents } from "../../../controller/redirect-events.ts";
import { manualClock } from "../../fakes/clock.ts";
import { fakeKube } from "../../fakes/kube.ts";

const TOLD = {
  namespace: "safe",
  pod: { name: "web-1", uid: "9f0c" },
  note: { redirected: false, reason: "the builder of this node cannot be asked" },
};

test("redirectEvent() warns on the pod with the reason, and is calm when the redirect has come", () => {
  expect(redirectEvent(TOLD, 0)).toMatchObject({
    involvedObject: { kind: "Pod", namespace: "safe", name: "web-1", uid: "9f0c" },
    type: "Warning",
    reason: "RedirectMissing",
    message:
      "The pod's traffic is not redirected, so its requests are not routed by space: the builder of this node cannot be asked",
  });
  const late = redirectEvent({ ...TOLD, note: { redirected: true, reason: "" } }, 0);
  expect(late).toMatchObject({ type: "Normal", reason: "Redirected" });
});

test("redirectEvents() writes into the namespace of the pod, and survives a refusal", async () => {
  const kube = fakeKube({ answer: () => undefined });
  redirectEvents(kube, { clock: manualClock(), log: () => {} })(TOLD);
  await Bun.sleep(0);
  expect(kube.calls.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /api/v1/namespaces/safe/events"]);
});
