import { expect, test } from "bun:test";
import { enable, type EnableRequest } from "../../../../cli/enable/enable.ts";
import { pullsAlways } from "../../../../cli/enable/facts.ts";
import { disable, findRemains, findWhatStays } from "../../../../cli/enable/removal.ts";
import { waitReady } from "../../../../cli/enable/wait-ready.ts";
import { CONTROLLER_LABELS } from "../../../../controller/labels.ts";
import { COMPONENT, INSTRUMENTED_LABEL, SPACE_LABEL } from "../../../../core/contract.ts";
import { AzdsError } from "../../../../core/errors.ts";
import { KubeError, type KubeRequest } from "../../../../core/kube/types.ts";
import { at } from "../../../../core/parse.ts";
import { fakeKube, type FakeKube } from "../../../fakes/kube.ts";
import { node, pod } from "./objects.ts";
import { testPorts } from "./ports-sample.ts";

const REQUEST: EnableRequest = {
  options: {
    image: undefined,
    buildkitImage: undefined,
    buildkitWorker: undefined,
    registry: undefined,
    registrySecret: undefined,
    registryPullSecret: undefined,
    registryInsecure: undefined,
    containerdRoot: undefined,
    hostSuffix: undefined,
    endpoint: undefined,
    redirect: undefined,
    tlsSecret: undefined,
    trustExternalHeader: undefined,
  },
  ownImage: "azds.local/azds:own",
  replaceNamespace: false,
  wait: false,
};
const YES = { install: true };
const NAMESPACE = "/api/v1/namespaces/azds";
const ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const INFO = `${NAMESPACE}/configmaps/${COMPONENT.info}`;

function cluster(): FakeKube {
  const kube = fakeKube();
  kube.put("/api/v1/nodes/n1", node() as Readonly<Record<string, unknown>>);
  return kube;
}

async function failureOf(promise: Promise<unknown>): Promise<AzdsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AzdsError) return error;
  throw new Error("It did not fail as expected", { cause: error });
}

const writes = (kube: FakeKube): readonly string[] =>
  kube.calls
    .filter(({ method, path }) => method !== "GET" && !path.includes("dryRun=All"))
    .map(({ method, path }) => `${method} ${path}`);

test("enable() changes nothing before it was agreed to", async () => {
  const kube = cluster();
  expect(await failureOf(enable(testPorts(kube), REQUEST))).toMatchObject({ code: "DECLINED" });
  expect(writes(kube)).toEqual([]);
});

test("enable() names a missing right before it asks or changes anything", async () => {
  const kube = cluster();
  const ports = testPorts(kube, {
    answers: YES,
    reviews: { allowed: async ({ resource }) => resource !== "clusterroles" },
  });
  const failure = await failureOf(enable(ports, REQUEST));
  expect(failure).toMatchObject({ code: "FORBIDDEN" });
  expect(failure.message).toContain("create clusterroles.rbac.authorization.k8s.io");
  expect(ports.asked).toEqual([]);
  expect(writes(kube)).toEqual([]);
});

test("enable() installs into an empty cluster, and again only what differs", async () => {
  const kube = cluster();
  await enable(testPorts(kube, { answers: YES }), REQUEST);
  expect(at(kube.get(INFO), "data", "image")).toBe("azds.local/azds:own");
  const again = testPorts(kube);
  await enable(again, { ...REQUEST, options: { ...REQUEST.options, hostSuffix: ".dev.test" } });
  expect(again.asked).toEqual([]);
  expect(at(kube.get(INFO), "data", "hostSuffix")).toBe(".dev.test");
});

test("enable() says what a cluster that has azds has come to forbid", async () => {
  const kube = cluster();
  await enable(testPorts(kube, { answers: YES }), REQUEST);
  kube.put("/api/v1/nodes/n2", node({ name: "n2", runtime: "cri-o://1.30.0" }) as Readonly<Record<string, unknown>>);
  const before = writes(kube).length;
  expect(await failureOf(enable(testPorts(kube), REQUEST))).toMatchObject({ code: "REGISTRY_NEEDED" });
  expect(writes(kube)).toHaveLength(before);
});

test("enable() lets whoever may not change azds go on in a cluster that has it", async () => {
  const kube = cluster();
  await enable(testPorts(kube, { answers: YES }), REQUEST);
  const before = writes(kube).length;
  await enable(testPorts(kube, { reviews: { allowed: async () => false } }), REQUEST);
  expect(writes(kube).length).toBe(before);
});

test("enable() refuses settings of somebody who may not change azds", async () => {
  const kube = cluster();
  await enable(testPorts(kube, { answers: YES }), REQUEST);
  const before = writes(kube).length;
  const ports = testPorts(kube, { reviews: { allowed: async () => false } });
  const request = { ...REQUEST, options: { ...REQUEST.options, hostSuffix: ".other.example" } };
  expect(await failureOf(enable(ports, request))).toMatchObject({ code: "FORBIDDEN" });
  expect(writes(kube)).toHaveLength(before);
});

test("enable() does not touch a foreign namespace on `-y` alone", async () => {
  const kube = cluster();
  kube.put(NAMESPACE, { metadata: { name: "azds" } });
  kube.put(`${NAMESPACE}/configmaps/precious`, { metadata: { name: "precious" } });
  const failure = await failureOf(enable(testPorts(kube, { answers: YES }), REQUEST));
  expect(failure).toMatchObject({ code: "NAMESPACE_FOREIGN" });
  expect(failure.message).toContain("configmap/precious");
  expect(writes(kube)).toEqual([]);
});

test.each([
  ["its name was typed", { ...YES, "replace-namespace": "azds" }, false],
  ["--replace-namespace was given", YES, true],
])("enable() replaces a foreign namespace after %s", async (_case, answers, replaceNamespace) => {
  const kube = cluster();
  kube.put(NAMESPACE, { metadata: { name: "azds" } });
  kube.put(`${NAMESPACE}/configmaps/precious`, { metadata: { name: "precious" } });
  await enable(testPorts(kube, { answers }), { ...REQUEST, replaceNamespace });
  expect(writes(kube)[0]).toStartWith(`DELETE ${NAMESPACE}`);
  expect(at(kube.get(NAMESPACE), "metadata", "labels", "app.kubernetes.io/part-of")).toBe("azds");
});

test("enable() takes a registry whose Secrets are right, says so, and goes back with `none`", async () => {
  const kube = cluster();
  await enable(testPorts(kube, { answers: YES }), REQUEST);
  const enableWith = async (options: Partial<EnableRequest["options"]>): Promise<string> => {
    const ports = testPorts(kube);
    await enable(ports, { ...REQUEST, options: { ...REQUEST.options, ...options } });
    return ports.events.flatMap((event) => ("text" in event ? [event.text] : [])).join("\n");
  };
  const named = { registry: "r.test/team", registrySecret: "push", registryPullSecret: "pull" };
  expect(await failureOf(enableWith(named))).toMatchObject({ code: "REGISTRY_SECRET_INVALID" });
  expect(at(kube.get(INFO), "data", "registry")).toBe("");
  const content = btoa(JSON.stringify({ auths: { "r.test": {} } }));
  for (const name of ["push", "pull"])
    kube.put(`${NAMESPACE}/secrets/${name}`, {
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": content },
    });
  expect(await enableWith(named)).toContain("with their next `azds up`");
  expect(at(kube.get(INFO), "data")).toMatchObject({ registry: "r.test/team", registrySecret: "push" });
  expect(await enableWith({ hostSuffix: ".dev.test" })).not.toContain("with their next `azds up`");
  expect(at(kube.get(INFO), "data", "registryPullSecret")).toBe("pull");
  await enableWith({ registry: "none" });
  expect(at(kube.get(INFO), "data")).toMatchObject({ registry: "", registrySecret: "", registryPullSecret: "" });
});

test("pullsAlways() is told by a pod that is never made", async () => {
  const asked = async (answer?: (request: KubeRequest) => unknown): Promise<boolean> => {
    const kube = fakeKube(answer === undefined ? {} : { answer });
    const always = await pullsAlways({ kube }, new AbortController().signal);
    expect(kube.get("/api/v1/namespaces/default/pods/azds-preflight")).toBeUndefined();
    return always;
  };
  expect(await asked()).toBe(false);
  expect(await asked(() => ({ spec: { containers: [{ imagePullPolicy: "Always" }] } }))).toBe(true);
  expect(
    await asked(() => {
      throw new KubeError(403, "Forbidden", "no");
    }),
  ).toBe(false);
});

test("waitReady() stops at an image that cannot be had and says how to bring it", async () => {
  const kube = cluster();
  const containers = [{ name: "webhook", image: "azds.local/azds:own" }];
  const state = { waiting: { reason: "ErrImagePull", message: "no such host" } };
  const ports = testPorts(kube);
  const waiting = waitReady(ports, {
    image: "azds.local/azds:own",
    buildkitImage: "b",
    usableNodes: 1,
    gateway: false,
  });
  const stuck = pod({
    name: "azds-webhook-1",
    namespace: "azds",
    spec: { containers },
    status: { containerStatuses: [{ name: "webhook", state }] },
  });
  await Bun.sleep(1);
  kube.put(`${NAMESPACE}/pods/azds-webhook-1`, stuck as Readonly<Record<string, unknown>>);
  expect(await failureOf(waiting)).toMatchObject({ code: "IMAGE_NOT_AVAILABLE" });
  const said = ports.events.flatMap((event) => (event.type === "message" ? [event.text] : [])).join("\n");
  expect(said).toContain("azds image export");
  expect(ports.events.some((event) => event.type === "step.failed")).toBe(true);
});

test("disable() removes what is ours and nothing else", async () => {
  const kube = cluster();
  kube.put("/api/v1/namespaces/team", { metadata: { labels: { [SPACE_LABEL]: "true" } } });
  kube.put("/api/v1/namespaces/team/pods/web", { metadata: { labels: { [INSTRUMENTED_LABEL]: "true" } } });
  kube.put(`${ROLES}/theirs`, {
    metadata: { labels: { "app.kubernetes.io/part-of": "azds", "app.kubernetes.io/managed-by": "Helm" } },
  });
  const copy = "/api/v1/namespaces/team/secrets/azds-registry";
  kube.put(copy, { metadata: { labels: CONTROLLER_LABELS } });
  await enable(testPorts(kube, { answers: YES }), REQUEST);
  const ports = testPorts(kube);
  await disable(ports, await findRemains(ports));
  expect(await findRemains(ports)).toEqual({ namespace: false, objects: false });
  expect(kube.get(`${ROLES}/theirs`)).toBeDefined();
  expect(kube.get(copy)).toBeUndefined();
  expect(await findWhatStays(ports)).toEqual({ spaces: ["team"], pods: ["team/web"] });
  const removed = writes(kube).filter((line) => line.startsWith("DELETE"));
  expect(removed[0]).toContain("mutatingwebhookconfigurations");
  expect(removed.at(-1)).toContain(NAMESPACE);
});
