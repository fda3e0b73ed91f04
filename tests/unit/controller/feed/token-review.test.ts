import { expect, test } from "bun:test";
import { tokenReviewer } from "../../../../controller/feed/token-review.ts";
import { KubeError, type KubeRequest } from "../../../../core/kube/types.ts";
import { TOKEN_REVIEW_CACHE_MS } from "../../../../core/limits.ts";
import { at } from "../../../../core/parse.ts";
import { manualClock } from "../../../fakes/clock.ts";
import { fakeKube } from "../../../fakes/kube.ts";

const USER = "system:serviceaccount:dev:default";

function answer(status: object): (request: KubeRequest) => unknown {
  return () => ({ status });
}

test("tokenReviewer() asks for our audience and gives the user", async () => {
  const kube = fakeKube({ answer: answer({ authenticated: true, audiences: ["azds"], user: { username: USER } }) });
  expect(await tokenReviewer(kube, manualClock())("secret")).toEqual({ name: USER });
  expect(kube.calls[0]?.path).toBe("/apis/authentication.k8s.io/v1/tokenreviews");
  expect(at(kube.calls[0]?.body, "spec")).toEqual({ token: "secret", audiences: ["azds"] });
});

test("tokenReviewer() gives the pod that the token is bound to", async () => {
  const extra = {
    "authentication.kubernetes.io/pod-name": ["web-1"],
    "authentication.kubernetes.io/pod-uid": ["9f0c"],
  };
  const status = { authenticated: true, audiences: ["azds"], user: { username: USER, extra } };
  const review = tokenReviewer(fakeKube({ answer: answer(status) }), manualClock());
  expect(await review("secret")).toEqual({ name: USER, pod: { name: "web-1", uid: "9f0c" } });
});

test.each([
  ["a token that is not valid", { authenticated: false }],
  ["another audience", { authenticated: true, audiences: ["vault"], user: { username: USER } }],
  ["an authenticator that knows no audiences", { authenticated: true, user: { username: USER } }],
])("tokenReviewer() gives no user for %s", async (_what, status) => {
  expect(await tokenReviewer(fakeKube({ answer: answer(status) }), manualClock())("secret")).toBeUndefined();
});

test("tokenReviewer() asks once per token, and again when the answer is old", async () => {
  const clock = manualClock();
  const kube = fakeKube({ answer: answer({ authenticated: true, audiences: ["azds"], user: { username: USER } }) });
  const review = tokenReviewer(kube, clock);
  await Promise.all([review("one"), review("one"), review("two")]);
  expect(kube.calls).toHaveLength(2);
  await clock.advance(TOKEN_REVIEW_CACHE_MS);
  await review("one");
  expect(kube.calls).toHaveLength(3);
});

test("tokenReviewer() does not remember a failure", async () => {
  let failing = true;
  const kube = fakeKube({
    answer: () => {
      if (failing) throw new KubeError(500, "InternalError", "down");
      return { status: { authenticated: true, audiences: ["azds"], user: { username: USER } } };
    },
  });
  const review = tokenReviewer(kube, manualClock());
  expect(review("one")).rejects.toThrow("down");
  failing = false;
  await Bun.sleep(0);
  expect(await review("one")).toEqual({ name: USER });
});
