import { describe, expect, test } from "bun:test";
import { KubeError } from "../../../core/kube/types.ts";
import { admitPod, type Admitted } from "../../../webhook/admission.ts";
import type { AdmissionRequest } from "../../../webhook/review.ts";
import { createSpaces } from "../../../webhook/spaces.ts";
import { fakeKube, type FakeKube } from "./support/kube.ts";
import { settings } from "./support/settings.ts";

const LEASE = "/apis/coordination.k8s.io/v1/namespaces/alice/leases/azds-k3f9x2";
const space = { metadata: { name: "alice", labels: { "azds.io/space": "true" } } };
const lease = {
  metadata: {
    name: "azds-k3f9x2",
    namespace: "alice",
    labels: { "azds.io/session": "azds-k3f9x2" },
    annotations: { "azds.io/last-node": "node2" },
  },
};

function cluster(objects: Readonly<Record<string, unknown>>): FakeKube {
  return fakeKube({ objects: { "/api/v1/namespaces/alice": space, ...objects } });
}

async function admit(kube: FakeKube, changes: Partial<AdmissionRequest> = {}): Promise<Admitted> {
  const request: AdmissionRequest = {
    uid: "1",
    operation: "CREATE",
    namespace: "alice",
    subResource: "",
    username: "ann",
    dryRun: false,
    object: { metadata: { name: "web" }, spec: { containers: [{ name: "web", image: "web:azds-k3f9x2-1" }] } },
    oldObject: undefined,
    ...changes,
  };
  return admitPod(request, { kube: kube.client, spaces: createSpaces(kube.client), settings });
}

describe("admitPod()", () => {
  test("prefers the node of the session's last build", async () => {
    const { operations } = await admit(cluster({ [LEASE]: lease }));
    expect(JSON.stringify(operations.find((operation) => operation.path === "/spec/affinity"))).toContain('"node2"');
  });

  test.each([
    ["is missing", undefined, []],
    ["cannot be read", new KubeError(500, "InternalError", "down"), ["session-unread"]],
  ])("injects without a preference when the session's lease %s", async (_, found, warnings) => {
    const { operations, fields } = await admit(cluster({ [LEASE]: found }));
    expect(fields).toEqual({ injected: true, warnings });
    expect(operations.map((operation) => operation.path)).not.toContain("/spec/affinity");
  });

  test("gives the session's container what its lease wishes", async () => {
    const container = JSON.stringify({ command: ["make", "run"], syncTarget: "/app/src", volume: "/app" });
    const wishing = { metadata: { ...lease.metadata, annotations: { "azds.io/container": container } } };
    const { operations } = await admit(cluster({ [LEASE]: wishing }));
    const text = JSON.stringify(operations);
    expect(text).toContain('"args":["make","run"]');
    expect(text).toContain('"--sync-target","/app/src"');
    expect(text).toContain('"name":"devspaces-seed"');
  });

  test("asks for no lease when no image is a session's", async () => {
    const kube = cluster({});
    await admit(kube, { object: { spec: { containers: [{ name: "web", image: "web:1" }] } } });
    expect(kube.calls.map((call) => call.path)).toEqual(["/api/v1/namespaces/alice"]);
  });

  test("rejects when the namespace cannot be looked up", () => {
    const kube = fakeKube({ objects: { "/api/v1/namespaces/alice": new KubeError(500, "InternalError", "down") } });
    expect(admit(kube)).rejects.toThrow("down");
  });

  test("leaves updates and subresources alone", async () => {
    const kube = cluster({});
    expect((await admit(kube, { operation: "UPDATE" })).operations).toEqual([]);
    expect((await admit(kube, { subResource: "ephemeralcontainers" })).operations).toEqual([]);
    expect(kube.calls).toEqual([]);
  });

  test("has a note for a skip and for each warning, but none in a dry run", async () => {
    const object = { spec: { hostNetwork: true, containers: [{ name: "web", image: "web:1" }] } };
    const skipped = await admit(cluster({}), { object });
    expect(skipped.notes.map((note) => [note.type, note.reason])).toEqual([["Normal", "InjectionSkipped"]]);
    expect(skipped.fields).toEqual({ skipped: "host-network" });
    expect((await admit(cluster({}), { object, dryRun: true })).notes).toEqual([]);
    const clash = { spec: { containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 19001 }] }] } };
    const warned = await admit(cluster({}), { object: clash });
    expect(warned.notes.map((note) => [note.type, note.reason])).toEqual([["Warning", "InjectionWarning"]]);
  });
});
