import { describe, expect, test } from "bun:test";
import { lostEdits, startedWith } from "../../../../../cli/engine/pods/pod-edits.ts";
import { podView, type PodView } from "../../../../../cli/engine/pods/pod-view.ts";
import type { SessionEdits } from "../../../../../core/session.ts";

const SESSION = "azds-abc123";
const EDITS: SessionEdits = { edits: 3, id: "5e", build: 4, nodes: ["n1"], pods: ["attached"] };

function pod(uid: string, message?: string, build = 4): PodView {
  const state = message === undefined ? { running: {} } : { terminated: { exitCode: 0, message } };
  return podView({
    metadata: { name: uid, uid, namespace: "alice" },
    spec: {
      initContainers: [{ name: "devspaces-build", image: "azds" }],
      containers: [{ name: "web", image: `azds.local/alice/web:${SESSION}-${build}` }],
    },
    status: { initContainerStatuses: [{ name: "devspaces-build", state }] },
  });
}

describe("lostEdits()", () => {
  test.each([
    ["pods into which they were brought have them", [pod("attached", "")], 0],
    ["a pod that started with them has them", [pod("new", '{"edits":3,"id":"5e"}')], 0],
    ["a pod that started with none lacks them", [pod("attached", ""), pod("new", "{}")], 3],
    ["a pod that was made before anybody knew of them lacks them", [pod("new", "")], 3],
    ["a pod that started with older ones lacks them", [pod("new", '{"edits":2,"id":"5d"}')], 3],
    ["of a pod that is still being prepared nothing is known", [pod("new")], 0],
    ["other builds have theirs in the image", [pod("new", "", 5)], 0],
    ["without a pod there is nothing to tell", [], 0],
  ])("%s", (_, pods, lost) => {
    expect(lostEdits(SESSION, EDITS, pods)).toBe(lost);
  });

  test("nothing was edited, or all of it was taken back", () => {
    expect(lostEdits(SESSION, undefined, [pod("new", "")])).toBe(0);
    expect(lostEdits(SESSION, { ...EDITS, edits: 0 }, [pod("new", "")])).toBe(0);
  });
});

test("startedWith() believes no other message", () => {
  expect(startedWith(pod("new", '{"edits":3,"id":"5e"}'))).toEqual({ edits: 3, id: "5e" });
  expect(startedWith(pod("new", "The builder does not answer"))).toBeUndefined();
  expect(startedWith(pod("new"))).toBeUndefined();
});
