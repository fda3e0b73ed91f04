/** Pods of a space as the API server keeps them, and what their applications notice: nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { deployLinks } from "./support/chain.ts";
import { apply, enabledCluster, kubectlOk } from "./support/cluster.ts";
import {
  deletedPodLog,
  deployPrograms,
  execIn,
  podEvents,
  podObject,
  type PodPlan,
  podReady,
  podSpec,
  readPod,
  untilSome,
} from "./support/pods.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACE = "e2e-pods";
const CHILD = "e2e-pods-child";
const PLAIN = "e2e-pods-plain";
const SPACES = { [SPACE]: "root", [CHILD]: SPACE, [PLAIN]: "none" };

const SLEEP = { command: ["sleep", "100000"] };
const PLANS: readonly PodPlan[] = [
  { namespace: SPACE, name: "app", container: { env: [{ name: "COLOUR", value: "green" }], args: ["--flag"] } },
  { namespace: PLAIN, name: "app", container: { env: [{ name: "COLOUR", value: "green" }], args: ["--flag"] } },
  { namespace: SPACE, name: "probed", container: { readinessProbe: { tcpSocket: { port: 8081 }, periodSeconds: 1 } } },
  { namespace: SPACE, name: "opted-out", labels: { "azds.io/no-proxy": "true" }, container: SLEEP },
  { namespace: SPACE, name: "host-network", container: SLEEP, spec: { hostNetwork: true } },
  { namespace: SPACE, name: "patient", container: { command: ["node", "patient.js"] } },
  { namespace: SPACE, name: "shared", container: SLEEP, spec: { shareProcessNamespace: true } },
];
const JOB = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "job", namespace: SPACE },
  spec: {
    backoffLimit: 0,
    template: {
      spec: podSpec({ container: { env: [{ name: "ONCE", value: "" }] }, spec: { restartPolicy: "Never" } }),
    },
  },
};

beforeAll(async () => {
  await enabledCluster();
  await labelSpaces(SPACES);
  await deployPrograms(Object.keys(SPACES));
  await apply([...PLANS.map(podObject), JOB]);
}, 180_000);

afterAll(async () => removeSpaces(SPACES), 60_000);

async function containerNames(namespace: string, name: string): Promise<readonly string[]> {
  const { spec } = await readPod(namespace, name);
  return [...(spec.initContainers ?? []), ...spec.containers].map((container) => container.name);
}

describe("admission", () => {
  test("a pod of a labelled namespace gets sidecar and redirect", async () => {
    expect(await containerNames(SPACE, "app")).toEqual(["devspaces-proxy-init", "devspaces-proxy", "app"]);
  });

  test("a pod of a namespace without the label gets nothing", async () => {
    expect(await containerNames(PLAIN, "app")).toEqual(["app"]);
    expect((await readPod(PLAIN, "app")).metadata.annotations).not.toHaveProperty("azds.io/injected");
  });

  test.each([
    ["opted-out", /^opted-out: /],
    ["host-network", /^host-network: /],
  ])("a pod that is left alone says why: %s", async (name, reason) => {
    expect(await containerNames(SPACE, name)).toEqual(["app"]);
    expect((await readPod(SPACE, name)).metadata.annotations?.["azds.io/injection-skipped"]).toMatch(reason);
    expect(await podEvents(SPACE, name, "InjectionSkipped")).toMatch(reason);
  });

  test("the developer's container is as it was written", async () => {
    const own = (await readPod(SPACE, "app")).spec.containers.find((container) => container.name === "app");
    const [plain] = (await readPod(PLAIN, "app")).spec.containers;
    const withoutToken = (container: object | undefined): object => ({ ...container, volumeMounts: [] });
    expect(withoutToken(own)).toEqual(withoutToken(plain));
  });

  test("a Job completes, its sidecar in the native form", async () => {
    await kubectlOk(["-n", SPACE, "wait", "--for=condition=complete", "job/job", "--timeout=90s"]);
    const name = (await kubectlOk(["-n", SPACE, "get", "pods", "-l", "job-name=job", "-o", "name"]))
      .trim()
      .slice("pod/".length);
    const { spec } = await readPod(SPACE, name);
    expect(spec.initContainers?.find((container) => container.name === "devspaces-proxy")?.restartPolicy).toBe(
      "Always",
    );
    expect(await kubectlOk(["-n", SPACE, "logs", name, "-c", "app"])).toContain("first: answered");
  }, 100_000);
});

describe("an instrumented pod", () => {
  beforeAll(async () => {
    await Promise.all([podReady(SPACE, "app", "shared", "patient"), podReady(PLAIN, "app")]);
  }, 100_000);

  test("its application sees the same world as without azds", async () => {
    const logs = [SPACE, PLAIN].map(async (namespace) => kubectlOk(["-n", namespace, "logs", "app", "-c", "app"]));
    const [own, plain] = (await Promise.all(logs)).map(
      (log) => JSON.parse(/world: (.*)/.exec(log)?.[1] ?? "") as object,
    );
    expect(own).toMatchObject({ env: { COLOUR: "green" } });
    expect(own).toEqual(plain);
  });

  test("a tcpSocket probe of a closed port is not ready, of an open one it is", async () => {
    expect(await podEvents(SPACE, "probed", "Unhealthy")).toContain("Readiness probe failed");
    const { conditions } = (await readPod(SPACE, "probed")).status;
    expect(conditions?.find((condition) => condition.type === "Ready")?.status).toBe("False");
    await execIn(SPACE, "probed", ["kill", "-USR2", "1"]);
    await podReady(SPACE, "probed");
  }, 100_000);

  test.each([PLAIN, SPACE])("ports of ours give nothing to a pod of %s, save health", async (namespace) => {
    const ip = (await readPod(SPACE, "app")).status.podIP ?? "";
    const from = namespace === PLAIN ? "app" : "shared";
    const ports = ["8080", "19001", "19006", "19020", "19050", "19060", "19070", "19080"];
    expect(JSON.parse(await execIn(namespace, from, ["node", "connect.js", ip, ...ports]))).toEqual({
      ...Object.fromEntries(ports.map((port) => [port, "refused"])),
      "8080": "received HTTP/1.1 200 OK",
      "19020": "received HTTP/1.1 200 OK",
    });
  });

  test("what listens on loopback is still there for the pod itself", async () => {
    const answers = await execIn(SPACE, "app", ["node", "connect.js", "127.0.0.1", "19050", "19060"]);
    expect(JSON.parse(answers)).toEqual({ "19050": "received private", "19060": "received private" });
  });

  test("its sidecar and the worker run as user 19000 without any capability", async () => {
    const everyone = await execIn(SPACE, "shared", ["sh", "-c", "cat /proc/[0-9]*/status"]);
    const sidecars = everyone.split(/^Name:/m).filter((status) => /^Uid:\t19000\t19000\t19000\t19000$/m.test(status));
    expect(sidecars).toHaveLength(2);
    for (const status of sidecars) {
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(status).toMatch(new RegExp(`^${set}:\t0+$`, "m"));
      }
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    }
  });

  test("the network is there at the application's first instruction and until it has shut down", async () => {
    const [log, patient] = await Promise.all([deletedPodLog(SPACE, "app"), deletedPodLog(SPACE, "patient")]);
    expect(log).toContain("first: answered");
    expect(log).toContain("last: answered");
    // Nothing in the pod's network shows that it still runs.
    expect(patient).toContain("last: answered");
  }, 100_000);
});

describe("without its controller", () => {
  const follower = (namespace: string): PodPlan => {
    return {
      namespace,
      name: "follower",
      container: { command: ["node", "follow.js", `http://web.${SPACE}/`, CHILD] },
    };
  };

  test("routing goes on, and changes arrive when it is back", async () => {
    await deployLinks([SPACE, CHILD].map((space) => ({ space, service: "web" })));
    await deployLinks([{ space: SPACE, service: "late" }]);
    await apply([follower(SPACE), follower(PLAIN)].map(podObject));
    await Promise.all([podReady(SPACE, "follower"), podReady(PLAIN, "follower")]);

    await kubectlOk(["-n", "azds", "delete", "pods", "-l", "app.kubernetes.io/component=controller", "--timeout=60s"]);
    await kubectlOk(["-n", "azds", "rollout", "status", "deployment", "azds-controller", "--timeout=60s"]);
    await deployLinks([{ space: CHILD, service: "late" }]);
    const found = await untilSome(async () => {
      const seen = await execIn(SPACE, "shared", [
        "wget",
        "-qO-",
        "--header",
        `azds-route-as: ${CHILD}`,
        `http://late.${SPACE}/`,
      ]);
      return seen.includes(CHILD) ? seen : "";
    });
    expect(found).toBe(`["late.${CHILD}"]`);

    const logs = await Promise.all([deletedPodLog(SPACE, "follower"), deletedPodLog(PLAIN, "follower")]);
    for (const log of logs) {
      expect(Object.keys(JSON.parse(log.trim().split("\n").at(-1) ?? "{}") as object)).toEqual([
        `200 ["web.${CHILD}"]`,
      ]);
    }
  }, 180_000);
});
