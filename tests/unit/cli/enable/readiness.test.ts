import { expect, test } from "bun:test";
import { admissionProgress, daemonSetProgress, deploymentProgress } from "../../../../cli/enable/readiness.ts";

test("deploymentProgress() is done only with all replicas of the newest generation", () => {
  const deployment = (status: object): object => ({ metadata: { generation: 2 }, spec: { replicas: 2 }, status });
  const full = { observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 };
  expect(deploymentProgress(deployment(full))).toEqual({ ready: 2, wanted: 2, done: true });
  expect(deploymentProgress(deployment({ ...full, observedGeneration: 1 })).done).toBe(false);
  expect(deploymentProgress(deployment({ ...full, updatedReplicas: 1 })).done).toBe(false);
  expect(deploymentProgress(deployment({})).done).toBe(false);
  expect(deploymentProgress(undefined).done).toBe(false);
});

test("daemonSetProgress() does not wait for nodes that cannot run it, nor is it done without any", () => {
  const daemonSet = (scheduled: number, available: number): object => ({
    metadata: { generation: 1 },
    status: {
      observedGeneration: 1,
      desiredNumberScheduled: scheduled,
      updatedNumberScheduled: scheduled,
      numberAvailable: available,
    },
  });
  expect(daemonSetProgress(daemonSet(3, 2), 2)).toEqual({ ready: 2, wanted: 2, done: true });
  expect(daemonSetProgress(daemonSet(2, 1), 2).done).toBe(false);
  expect(daemonSetProgress(daemonSet(0, 0), 2).done).toBe(false);
});

test("admissionProgress() waits until every webhook knows whom to trust", () => {
  const configuration = (...bundles: readonly string[]): object => ({
    webhooks: bundles.map((caBundle) => ({ clientConfig: { caBundle } })),
  });
  expect(admissionProgress(configuration("YQ==", "YQ=="))).toEqual({ ready: 2, wanted: 2, done: true });
  expect(admissionProgress(configuration("YQ==", "")).done).toBe(false);
  expect(admissionProgress(undefined).done).toBe(false);
});

test("deploymentProgress() does not take available pods of the old version for the new one's", () => {
  const rolling = { observedGeneration: 1, replicas: 4, updatedReplicas: 2, availableReplicas: 2 };
  const of = (status: object): boolean =>
    deploymentProgress({ metadata: { generation: 1 }, spec: { replicas: 2 }, status }).done;
  expect(of(rolling)).toBe(false);
  expect(of({ ...rolling, replicas: 2 })).toBe(true);
});
