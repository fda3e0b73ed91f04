import { expect, test } from "bun:test";
import { findUninstrumented, isUninstrumented } from "../../../../cli/enable/uninstrumented.ts";
import { INJECTED_ANNOTATION, NO_PROXY_LABEL, SKIPPED_ANNOTATION } from "../../../../core/contract.ts";
import { pod, replicaSet } from "./objects.ts";

test.each([
  ["injected", pod({ name: "a", annotations: { [INJECTED_ANNOTATION]: "0.1.0" } })],
  ["skipped for a reason", pod({ name: "a", annotations: { [SKIPPED_ANNOTATION]: "windows" } })],
  ["left alone by wish", pod({ name: "a", labels: { [NO_PROXY_LABEL]: "true" } })],
  ["on the node's network", pod({ name: "a", spec: { hostNetwork: true } })],
  ["finished", pod({ name: "a", phase: "Succeeded" })],
  ["going", pod({ name: "a", deleting: true })],
])("isUninstrumented() does not count a pod that is %s", (_case, object) => {
  expect(isUninstrumented(object)).toBe(false);
});

test("findUninstrumented() finds the workloads behind the pods, each once", () => {
  const pods = [
    pod({ name: "web-1", owner: ["ReplicaSet", "web-abc"] }),
    pod({ name: "web-2", owner: ["ReplicaSet", "web-abc"] }),
    pod({ name: "db-0", owner: ["StatefulSet", "db"] }),
    pod({ name: "log-x", owner: ["DaemonSet", "log"] }),
    pod({ name: "job-x", owner: ["Job", "job"] }),
    pod({ name: "lone" }),
  ];
  const found = findUninstrumented(pods, [replicaSet("web-abc", "web")]);
  expect(found.pods).toEqual(["db-0", "job-x", "log-x", "lone", "web-1", "web-2"]);
  expect(found.workloads.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    "Deployment/web",
    "StatefulSet/db",
    "DaemonSet/log",
  ]);
});
