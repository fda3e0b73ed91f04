import { describe, expect, test } from "bun:test";
import { commandPlace, findWorkload, workloadPod, type WorkloadPod } from "../../../../../cli/engine/pods/workloads.ts";
import { leaseOfSession, PLAIN_CONTAINER } from "../../../../../core/session.ts";
import { fakeKube, type FakeKube } from "../../../../fakes/kube.ts";

const SIGNAL = new AbortController().signal;

interface PodChange {
  readonly name?: string;
  readonly created?: string;
  readonly ready?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly state?: object;
  readonly image?: string;
  readonly defaultContainer?: string;
}

function pod(change: PodChange = {}): WorkloadPod {
  const name = change.name ?? "web-1";
  const state = change.state ?? { running: {} };
  const names = ["devspaces-proxy", "first", "second"];
  return workloadPod({
    metadata: {
      name,
      uid: name,
      namespace: "dev",
      creationTimestamp: change.created ?? "2026-01-01T00:00:00Z",
      labels: change.labels ?? { app: "web" },
      annotations: { "kubectl.kubernetes.io/default-container": change.defaultContainer ?? "none" },
    },
    spec: {
      containers: names.map((each) => ({ name: each, image: each === "second" ? (change.image ?? "x:1") : "x:1" })),
    },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: (change.ready ?? true) ? "True" : "False" }],
      containerStatuses: names.map((each) => ({ name: each, state })),
    },
  });
}

function spaceWith(...objects: readonly (readonly [path: string, object: object])[]): Promise<FakeKube> {
  const kube = fakeKube();
  return Promise.all(objects.map(async ([path, body]) => kube.request({ method: "POST", path, body }))).then(
    () => kube,
  );
}

const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: { app: "web" } },
};

describe("findWorkload()", () => {
  const find = async (kube: FakeKube, name: string): Promise<readonly boolean[]> => {
    const { owns } = await findWorkload(kube, { space: "dev", name }, SIGNAL);
    return [pod(), pod({ labels: { "azds.io/session": "azds-abc123" } }), pod({ labels: { app: "db" } })].map(owns);
  };

  test("takes the pods behind the Service and those of the session under its name", async () => {
    const session = leaseOfSession({
      id: "azds-abc123",
      space: "dev",
      service: "web",
      release: "azds-web",
      owner: "me",
      holder: "",
      heartbeat: 0,
      lastNode: "",
      build: 1,
      container: PLAIN_CONTAINER,
      inputs: "",
    });
    const kube = await spaceWith(
      ["/api/v1/namespaces/dev/services", SERVICE],
      ["/apis/coordination.k8s.io/v1/namespaces/dev/leases", session],
    );
    expect(await find(kube, "web")).toEqual([true, true, false]);
  });

  test("takes a workload without a Service, and a single pod", async () => {
    const kube = await spaceWith(
      [
        "/apis/apps/v1/namespaces/dev/statefulsets",
        { metadata: { name: "db" }, spec: { selector: { matchLabels: { app: "db" } } } },
      ],
      ["/api/v1/namespaces/dev/pods", { metadata: { name: "web-1" } }],
    );
    expect(await find(kube, "db")).toEqual([false, false, true]);
    expect((await findWorkload(kube, { space: "dev", name: "web-1" }, SIGNAL)).owns(pod())).toBe(true);
  });

  test("refuses what is not there", async () => {
    expect(find(fakeKube(), "nobody")).rejects.toMatchObject({ code: "SERVICE_NOT_FOUND" });
  });
});

describe("commandPlace()", () => {
  const place = (pods: readonly WorkloadPod[], wanted?: string): unknown => {
    try {
      return Object.values(commandPlace({ name: "web", space: "dev", sessions: [], owns: () => true }, pods, wanted));
    } catch (error) {
      return String(error);
    }
  };

  test("takes the newest ready pod, else the newest that runs", () => {
    const old = pod({ name: "old", created: "2026-01-01T00:00:00Z" });
    const young = pod({ name: "young", created: "2026-01-01T00:00:05Z" });
    const starting = pod({ name: "starting", created: "2026-01-01T00:00:09Z", ready: false });
    expect(place([old, starting, young])).toEqual(["young", "first"]);
    expect(place([starting])).toEqual(["starting", "first"]);
  });

  test("takes the session's container, else the named default, else the first of the application", () => {
    expect(place([pod({ image: "web:azds-abc123-2" })])).toEqual(["web-1", "second"]);
    expect(place([pod({ defaultContainer: "second" })])).toEqual(["web-1", "second"]);
    expect(place([pod()])).toEqual(["web-1", "first"]);
    expect(place([pod()], "devspaces-proxy")).toEqual(["web-1", "devspaces-proxy"]);
  });

  test("says what is missing", () => {
    expect(place([])).toBe("AzdsError: Service `web` has no pod in dev space `dev`");
    expect(place([pod()], "x")).toBe(
      "AzdsError: Pod `web-1` has no container `x`, only `devspaces-proxy`, `first`, `second`",
    );
    expect(place([pod({ state: { terminated: { exitCode: 4 } } })])).toContain(
      "Container `first` of pod `web-1` does not run: Error: Container `devspaces-proxy` ended with exit code 4",
    );
    expect(place([pod({ state: { waiting: { reason: "ContainerCreating" } } })])).toContain("ContainerCreating");
  });
});
