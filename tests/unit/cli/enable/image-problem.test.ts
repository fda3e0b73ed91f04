import { expect, test } from "bun:test";
import { imageProblems } from "../../../../cli/enable/image-problem.ts";
import { pod } from "./objects.ts";

const waiting = (reason: string) => ({
  spec: { nodeName: "n1", containers: [{ name: "c", image: "i:1" }] },
  status: { containerStatuses: [{ name: "c", state: { waiting: { reason, message: "no such host" } } }] },
});

test.each(["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"])(
  "imageProblems() sees %s",
  (reason) => {
    expect(imageProblems([pod({ name: "p", ...waiting(reason) })], ["i:1"])).toEqual([
      { pod: "p", node: "n1", image: "i:1", reason, message: "no such host" },
    ]);
  },
);

test("imageProblems() leaves out pods that go, other images and other reasons to wait", () => {
  expect(imageProblems([pod({ name: "p", ...waiting("ErrImagePull"), deleting: true })], ["i:1"])).toEqual([]);
  expect(imageProblems([pod({ name: "p", ...waiting("ErrImagePull") })], ["i:2"])).toEqual([]);
  expect(imageProblems([pod({ name: "p", ...waiting("ContainerCreating") })], ["i:1"])).toEqual([]);
});
