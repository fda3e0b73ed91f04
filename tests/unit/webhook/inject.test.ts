import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { asArray, asString, at, type JsonObject } from "../../../core/parse.ts";
import { parseBuildConfig } from "../../../core/build-config.ts";
import { sessionOfImage } from "../../../core/session.ts";
import { parseSidecarConfig } from "../../../core/sidecar-config.ts";
import { inject, injectPod, type InjectInput } from "../../../webhook/inject.ts";
import { containersOf, initContainersOf, nameOf, type Container, type Pod } from "../../../webhook/pod.ts";
import { applyPatch } from "./support/apply-patch.ts";
import { settings } from "./support/settings.ts";

const image = fc.constantFrom("shop/web:1.4", "web:azds-k3f9x2-4", "host:5000/web:azds-k3f9x2-5", "redis");
const words = fc.option(fc.array(fc.constantFrom("node", "$(A)", "--x", ""), { maxLength: 3 }), { nil: undefined });
const probe = fc.option(
  fc.oneof(
    fc.record({
      tcpSocket: fc.record({ port: fc.constantFrom<unknown>(80, "http", "gone") }),
      periodSeconds: fc.nat(9),
    }),
    fc.record({
      httpGet: fc.record({ path: fc.constant("/own"), port: fc.constantFrom<unknown>(80, "http", "gone") }),
    }),
    fc.record({ exec: fc.constant({ command: ["true"] }) }),
  ),
  { nil: undefined },
);

function containers(prefix: string, restartPolicies: readonly (string | undefined)[]): fc.Arbitrary<Container[]> {
  const container = fc.record({
    image,
    command: words,
    args: words,
    ports: fc.constantFrom(undefined, [{ name: "http", containerPort: 8080 }], [{ containerPort: 19001 }]),
    env: fc.constantFrom(undefined, [{ name: "A", value: "1" }]),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
    securityContext: fc.constantFrom(undefined, { runAsUser: 1000 }, { privileged: true }),
    restartPolicy: fc.constantFrom(...restartPolicies),
  });
  return fc.array(container, { minLength: prefix === "c" ? 1 : 0, maxLength: 3 }).map((list) => {
    return list.map((entry, index) => clean({ name: `${prefix}${index}`, ...entry }));
  });
}

const pod: fc.Arbitrary<Pod> = fc
  .record({
    containers: containers("c", [undefined]),
    initContainers: fc.option(containers("i", [undefined, "Always"]), { nil: undefined }),
    restartPolicy: fc.constantFrom(undefined, "Always", "Never", "OnFailure"),
    dnsPolicy: fc.constantFrom(undefined, "ClusterFirst", "Default", "None"),
    volumes: fc.constantFrom(undefined, [{ name: "data", emptyDir: {} }]),
    affinity: fc.constantFrom(undefined, { nodeAffinity: {} }),
  })
  .map((spec) => ({ apiVersion: "v1", kind: "Pod", metadata: { labels: { app: "x" } }, spec: clean(spec) }));

const input: fc.Arbitrary<InjectInput> = fc.record({
  pod,
  namespace: fc.constant({ name: "alice", labels: { "azds.io/space": "true" } }),
  ancestors: fc.constantFrom([], ["dev"], ["team", "dev"]),
  record: fc.option(
    fc.oneof(
      fc.constant("unreadable" as const),
      fc.record({
        lastNode: fc.constantFrom("", "node1"),
        container: fc.record({
          command: fc.constantFrom([], ["make", "$(A)"]),
          syncTarget: fc.constantFrom("", "/app"),
          attended: fc.boolean(),
          awaitExec: fc.boolean(),
          buildCommands: fc.constantFrom([], [["go", "build", "-o", "$(A)"]]),
          volume: fc.constantFrom("", "/app", "/", "relative", "/azds/x", "/app/../srv/"),
        }),
      }),
    ),
    { nil: undefined },
  ),
  settings: fc.constant(settings),
});

describe("inject() properties", () => {
  test("the patch turns the pod into what injectPod() gives", () => {
    fc.assert(
      fc.property(input, (each) => {
        const { operations } = inject(each);
        expect(applyPatch(each.pod, operations)).toEqual(JSON.parse(JSON.stringify(injectPod(each).pod)));
      }),
    );
  });

  test("a second admission is a skip that changes nothing", () => {
    fc.assert(
      fc.property(input, (each) => {
        const again = inject({ ...each, pod: injectPod(each).pod });
        expect(again).toEqual({ kind: "skip", reason: "already-injected", operations: [] });
      }),
    );
  });

  test("the pod that was given stays as it was", () => {
    fc.assert(
      fc.property(input, (each) => {
        const before = structuredClone(each.pod);
        inject(each);
        expect(each.pod).toEqual(before);
      }),
    );
  });

  test("containers of the user keep order and every field save probes, and in sessions command and image", () => {
    fc.assert(
      fc.property(input, (each) => {
        const after = injectPod(each).pod;
        expect(own(containersOf(after)).map(unchangeable)).toEqual(containersOf(each.pod).map(unchangeable));
        expect(own(initContainersOf(after)).map(unchangeable)).toEqual(initContainersOf(each.pod).map(unchangeable));
      }),
    );
  });

  test("our init containers stand first (build) and last (redirect), the sidecar where the restart policy wants it", () => {
    fc.assert(
      fc.property(input, (each) => {
        const after = injectPod(each).pod;
        const names = initContainersOf(after).map(nameOf);
        const ends = at(each.pod, "spec", "restartPolicy") ?? "Always";
        const tail = ends === "Always" ? ["devspaces-proxy-init"] : ["devspaces-proxy-init", "devspaces-proxy"];
        expect(names.slice(-tail.length)).toEqual(tail);
        expect(names.indexOf("devspaces-build")).toBe(hasSession(each.pod) ? 0 : -1);
        expect(containersOf(after).map(nameOf).indexOf("devspaces-proxy")).toBe(ends === "Always" ? 0 : -1);
      }),
    );
  });

  test("the configurations we write can be read by the programs they are for", () => {
    fc.assert(
      fc.property(input, (each) => {
        const all = [...initContainersOf(injectPod(each).pod), ...containersOf(injectPod(each).pod)];
        const sidecar = parseSidecarConfig(variable(all, "devspaces-proxy", "AZDS_SIDECAR"));
        expect(sidecar).toEqual(parseSidecarConfig(variable(all, "devspaces-proxy-init", "AZDS_SIDECAR")));
        expect(sidecar.ancestors).toEqual(each.ancestors);
        const moved = all
          .flatMap((container) =>
            ["startupProbe", "livenessProbe", "readinessProbe"].flatMap((kind) => {
              return asString(at(container, kind, "httpGet", "path")) ?? [];
            }),
          )
          .filter((path) => path !== "/own");
        expect(moved.toSorted()).toEqual(sidecar.probes.map((_, index) => `/probe/${index}`).toSorted());
        if (!hasSession(each.pod)) return;
        const { images } = parseBuildConfig(variable(all, "devspaces-build", "AZDS_BUILD"));
        const local = all
          .flatMap((container) => asString(container["image"]) ?? [])
          .filter((name) => name.startsWith("azds.local/"));
        expect([...images].toSorted()).toEqual([...new Set(local)].toSorted());
      }),
    );
  });
});

test("inject() adds nothing to a pod without containers, so that the API server refuses it as before", () => {
  const result = inject({
    pod: { spec: { containers: [] } },
    namespace: { name: "alice", labels: { "azds.io/space": "true" } },
    ancestors: [],
    settings,
  });
  expect(result).toEqual({ kind: "skip", reason: "no-containers", operations: [] });
});

/** Without members that are `undefined`: JSON has none. */
function clean(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}

function own(list: readonly Container[]): readonly Container[] {
  return list.filter((container) => !nameOf(container).startsWith("devspaces-"));
}

function hasSession(each: Pod): boolean {
  return [...containersOf(each), ...initContainersOf(each)].some(
    (container) => sessionOfImage(asString(container["image"]) ?? "") !== undefined,
  );
}

const BY_PROBES = ["livenessProbe", "readinessProbe", "startupProbe"];
const BY_SESSION = ["image", "imagePullPolicy", "command", "args", "volumeMounts"];

function unchangeable(container: Container): JsonObject {
  const session = sessionOfImage(asString(container["image"]) ?? "") !== undefined;
  const allowed = new Set([...BY_PROBES, ...(session ? BY_SESSION : [])]);
  return Object.fromEntries(Object.entries(container).filter(([key]) => !allowed.has(key)));
}

function variable(all: readonly Container[], container: string, name: string): string {
  const found = all.find((each) => nameOf(each) === container);
  const entry = asArray(found?.["env"]).find((each) => at(each, "name") === name);
  return asString(at(entry, "value")) ?? "";
}

test("inject() takes the images of a session from the registry, with its credentials beside the pod's own", () => {
  const web = { name: "web", image: "web:azds-k3f9x2-4", imagePullPolicy: "Always" };
  const after = injectPod({
    pod: { spec: { containers: [web], imagePullSecrets: [{ name: "own" }] } },
    namespace: { name: "alice", labels: { "azds.io/space": "true" } },
    ancestors: [],
    settings: { ...settings, registry: { prefix: "r.test:5000/team", hasPullSecret: true } },
  }).pod;
  const reference = "r.test:5000/team/alice/web:azds-k3f9x2-4";
  const started = containersOf(after).find((each) => nameOf(each) === "web");
  expect(started).toMatchObject({ image: reference, imagePullPolicy: "IfNotPresent" });
  expect(at(after, "spec", "imagePullSecrets")).toEqual([{ name: "own" }, { name: "azds-registry" }]);
  const build = initContainersOf(after).filter((each) => nameOf(each) === "devspaces-build");
  expect(parseBuildConfig(variable(build, "devspaces-build", "AZDS_BUILD")).images).toEqual([reference]);
});
