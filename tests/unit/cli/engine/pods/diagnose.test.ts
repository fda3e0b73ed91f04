import { describe, expect, test } from "bun:test";
import { causeOf, causeOfEvent, eventView, type EventView } from "../../../../../cli/engine/pods/diagnose.ts";
import { isAtHome, podView, repositoriesOf, tagsOf, waitsForBuild } from "../../../../../cli/engine/pods/pod-view.ts";
import { reachablePorts } from "../../../../../cli/engine/pods/services.ts";

const IMAGE = "azds.local/alice/team/web:azds-abc123-2";

function pod(status: object, options: { readonly labels?: object; readonly init?: readonly object[] } = {}): unknown {
  return {
    metadata: {
      name: "web-1",
      uid: "u",
      namespace: "alice",
      labels: { app: "web", "azds.io/instrumented": "true", ...options.labels },
    },
    spec: {
      nodeName: "node1",
      initContainers: options.init ?? [],
      containers: [{ name: "app", image: IMAGE, ports: [{ name: "http", containerPort: 8080 }] }],
    },
    status,
  };
}

function waiting(reason: string, message = ""): object {
  return { containerStatuses: [{ name: "app", state: { waiting: { reason, message } }, restartCount: 0 }] };
}

describe("podView()", () => {
  test("knows the session's build and repository", () => {
    const view = podView(pod({}));
    expect(tagsOf(view, "azds-abc123")).toEqual([{ session: "azds-abc123", build: 2 }]);
    expect(repositoriesOf(view, "azds-abc123", "azds.local")).toEqual(["team/web"]);
    expect(isAtHome(view, "azds-abc123", "azds.local")).toBe(true);
    expect(isAtHome(view, "azds-abc123", "r.test/team")).toBe(false);
  });

  test("sees devspaces-build wait", () => {
    const init = [{ name: "devspaces-build", image: "azds" }];
    expect(
      waitsForBuild(
        podView(pod({ initContainerStatuses: [{ name: "devspaces-build", state: { running: {} } }] }, { init })),
      ),
    ).toBe(true);
    expect(waitsForBuild(podView(pod({}, { init })))).toBe(false);
  });
});

describe("causeOf()", () => {
  test("a pod that starts has no cause", () => {
    expect(causeOf(podView(pod(waiting("ContainerCreating"))))).toBeUndefined();
  });

  test("the scheduler's words are passed on", () => {
    const view = podView(
      pod({
        conditions: [
          { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes are available" },
        ],
      }),
    );
    expect(causeOf(view)).toMatchObject({ reason: "Unschedulable", text: "0/1 nodes are available", final: false });
  });

  test("an image of the session in a pod without the sidecar is the webhook's failure", () => {
    const view = podView(pod(waiting("ErrImageNeverPull"), { labels: { "azds.io/instrumented": "no" } }));
    expect(causeOf(view)).toMatchObject({ code: "POD_NOT_INJECTED", final: true });
  });

  test("a pod without the sidecar that somebody makes again is worth waiting for", () => {
    const labels = { "azds.io/instrumented": "no" };
    const ownerReferences = [{ kind: "ReplicaSet", controller: true }];
    const made = pod(waiting("ErrImageNeverPull"), { labels }) as { metadata: object };
    const view = podView({ ...made, metadata: { ...made.metadata, ownerReferences } });
    expect(causeOf(view)).toMatchObject({ code: "POD_NOT_INJECTED", final: false });
  });

  test("a pull failure is final and names the image", () => {
    expect(causeOf(podView(pod(waiting("ImagePullBackOff", "unauthorized"))))).toMatchObject({
      code: "POD_NOT_STARTED",
      final: true,
    });
  });

  test("an image that a builder pushed may still come, unless the registry refuses", () => {
    const pulling = (reason: string, message: string): unknown => {
      const image = "r.test/team/team/web:azds-abc123-1";
      const made = pod(waiting(reason, message)) as { spec: { containers: readonly object[] } };
      const containers = made.spec.containers.map((container) => ({ ...container, image }));
      return causeOf(podView({ ...made, spec: { ...made.spec, containers } }));
    };
    for (const [reason, message] of [
      ["ErrImagePull", "dial tcp: i/o timeout"],
      ["ImagePullBackOff", "Back-off pulling image"],
    ] as const)
      expect(pulling(reason, message)).toMatchObject({ code: "POD_NOT_STARTED", final: false, reason });
    expect(pulling("ErrImagePull", "dial tcp: i/o timeout")).toMatchObject({
      text: expect.stringContaining("is not there yet, and is tried again: dial tcp") as string,
    });
    expect(pulling("ErrImagePull", "failed with status code [manifests 1]: 401 Unauthorized")).toMatchObject({
      final: true,
    });
    expect(pulling("InvalidImageName", "")).toMatchObject({ final: true });
  });

  test("a crash is final only once it repeats", () => {
    const crash = (restartCount: number): unknown =>
      pod({
        containerStatuses: [
          {
            name: "app",
            restartCount,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 3 } },
          },
        ],
      });
    expect(causeOf(podView(crash(1)))).toMatchObject({ code: "POD_CRASHED", final: false });
    expect(causeOf(podView(crash(2)))).toMatchObject({
      code: "POD_CRASHED",
      final: true,
      text: "Container `app` ended with exit code 3 (2 restarts)",
    });
  });

  test("a crash without a restart to come is final", () => {
    const containerStatuses = [{ name: "app", restartCount: 0, state: { terminated: { exitCode: 1 } } }];
    expect(causeOf(podView(pod({ phase: "Running", containerStatuses })))?.final).toBe(false);
    expect(causeOf(podView(pod({ phase: "Failed", containerStatuses })))?.final).toBe(true);
  });
});

describe("causeOfEvent()", () => {
  test("tells what a pod's status does not", () => {
    const event = eventView({
      involvedObject: { kind: "Pod", name: "web-1" },
      reason: "FailedMount",
      message: 'secret "x" not found',
      type: "Warning",
    });
    expect(causeOfEvent(event)?.text).toBe('Pod `web-1`: secret "x" not found');
    expect(causeOfEvent({ ...event, reason: "Pulled" })).toBeUndefined();
  });

  test("a cluster-wide Pod Security level that forbids our init container is final, with its own code", () => {
    const event = (container: string): EventView => ({
      kind: "ReplicaSet",
      name: "web-7c9",
      reason: "FailedCreate",
      message: `pods "web-7c9-x" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "${container}" must not include "NET_ADMIN" in securityContext.capabilities.add)`,
      warning: true,
      uid: "1",
    });
    expect(causeOfEvent(event("devspaces-proxy-init"))).toMatchObject({ code: "SPACE_FORBIDS_PODS", final: true });
    expect(causeOfEvent(event("app"))).toMatchObject({ code: "POD_NOT_STARTED", final: false });
  });
});

describe("reachablePorts()", () => {
  test("resolves named target ports and knows HTTP by name", () => {
    const service = (spec: object): unknown => ({
      metadata: { name: "web" },
      spec: { selector: { app: "web" }, ...spec },
    });
    const services = [
      service({
        ports: [
          { name: "http", port: 80, targetPort: "http" },
          { name: "admin", port: 9000 },
          { name: "dns", port: 53, protocol: "UDP" },
        ],
      }),
      service({ selector: { app: "other" }, ports: [{ port: 1 }] }),
    ];
    expect(reachablePorts(services, podView(pod({})))).toEqual([
      { service: "web", name: "http", port: 80, target: 8080, http: true },
      { service: "web", name: "admin", port: 9000, target: 9000, http: false },
    ]);
  });
});
