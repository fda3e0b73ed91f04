/**
 * `skaffold dev` on the test cluster, as somebody would set it up there: file sync into the container, images from a
 * BuildKit on the node, through a registry on the same node, plain manifests. Everything is warm and near.
 */
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import {
  apply,
  developer,
  kubectl,
  kubectlOk,
  type RunningCommand,
  scratchFolder,
  startCommand,
} from "../tests/e2e/support/cluster.ts";
import { unpackDebianPackages } from "../tests/cluster/images/debian.ts";
import { buildPrograms, buildExtra } from "../tests/cluster/programs.ts";
import { createSteps } from "../tests/cluster/steps.ts";

const SOURCES = join(import.meta.dir, "../tests/projects/inner-loop/node");
const NAMESPACE = "bench-skaffold";
const BUILDER_POD = "builder";
const BUILDKIT_ROOT = "/var/lib/bench-buildkit";
const CONTAINERD_RUN = "/run/containerd";
const CONTAINERD_ROOT = "/var/lib/containerd";

export interface SkaffoldService {
  readonly namespace: string;
  readonly service: string;
  /** What is saved here follows into the container. */
  readonly folder: string;
  readonly process: RunningCommand;
  readonly remove: () => Promise<void>;
}

interface Ports {
  readonly registry: number;
  readonly buildkit: number;
}

/** The Node service of tests/projects/inner-loop, running and followed. `pollMs` is Skaffold's own quiet time after a save. */
export async function startSkaffold(pollMs?: number): Promise<SkaffoldService> {
  // oxlint-disable-next-line node/no-process-env -- the same folder as the test cluster's
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "azds-test-cluster");
  const steps = createSteps((text) => void process.stderr.write(text));
  const skaffold = await buildExtra("skaffold", cache, steps);
  const { buildctl } = await buildPrograms(cache, steps);
  const registry = join(cache, "registry-debian");
  await unpackDebianPackages(registry, ["docker-registry"]);
  const ports = { registry: freePort(), buildkit: freePort() };
  const user = developer();
  const environment = {
    HOME: user.home,
    KUBECONFIG: user.kubeconfig,
    // oxlint-disable-next-line node/no-process-env -- kubectl and sh
    PATH: `${dirname(buildctl)}:${process.env["PATH"] ?? ""}`,
  };
  await startBuilder(ports, registry);
  const target = `pod/${BUILDER_POD}`;
  const forwarded = [`${ports.registry}:${ports.registry}`, `${ports.buildkit}:${ports.buildkit}`];
  const forward = startCommand(["kubectl", "-n", NAMESPACE, "port-forward", target, ...forwarded], {
    env: environment,
  });
  await forward.until(new RegExp(`Forwarding from 127.0.0.1:${ports.buildkit}`));
  const folder = writeProject(ports);
  const quiet = pollMs === undefined ? [] : [`--watch-poll-interval=${pollMs}`];
  const flags = ["--interactive=false", "--update-check=false", "--cleanup=false", "--tail=false", ...quiet];
  const dev = startCommand([skaffold, "dev", "-n", NAMESPACE, "--kube-context", "azds-test", ...flags], {
    cwd: folder,
    env: environment,
  });
  const remove = async (): Promise<void> => {
    await dev.stop();
    await forward.stop();
    await kubectl(["delete", "namespace", NAMESPACE, "--timeout=60s"]);
    rmSync(dirname(folder), { recursive: true, force: true });
  };
  try {
    await dev.until(/Watching for changes/);
  } catch (error) {
    await remove();
    throw error;
  }
  return { namespace: NAMESPACE, service: "web", folder, process: dev, remove };
}

function writeProject(ports: Ports): string {
  const folder = scratchFolder("skaffold");
  cpSync(SOURCES, folder, { recursive: true });
  const sync = ["public/**", "data/**", "code/**"].map((src) => ({ src, dest: "/app" }));
  const image = `localhost:${ports.registry}/web`;
  const config = {
    apiVersion: "skaffold/v4beta13",
    kind: "Config",
    metadata: { name: "web" },
    build: {
      local: { push: true },
      tagPolicy: { sha256: {} },
      artifacts: [
        {
          image,
          custom: { buildCommand: "sh ../build.sh", dependencies: { paths: ["."] } },
          sync: { manual: sync },
        },
      ],
    },
    manifests: { rawYaml: ["service.yaml"] },
  };
  const local = ["--local", "context=.", "--local", "dockerfile=.", "--opt", "image-resolve-mode=local"];
  const output = ["--output", '"type=image,name=$IMAGE,push=true"'];
  const buildctl = ["buildctl", "--addr", `tcp://127.0.0.1:${ports.buildkit}`, "build", "--frontend", "dockerfile.v0"];
  writeFileSync(join(dirname(folder), "build.sh"), `exec ${[...buildctl, ...local, ...output].join(" ")}\n`);
  // JSON is YAML.
  writeFileSync(join(folder, "skaffold.yaml"), JSON.stringify(config));
  writeFileSync(
    join(folder, "service.yaml"),
    serviceObjects(image)
      .map((object) => JSON.stringify(object))
      .join("\n---\n"),
  );
  writeFileSync(join(folder, ".dockerignore"), "skaffold.yaml\nservice.yaml\n");
  return folder;
}

function serviceObjects(image: string): readonly unknown[] {
  const labels = { app: "web" };
  const container = { name: "web", image, command: ["node", "reload.js"], ports: [{ containerPort: 8080 }] };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ];
}

/** In the node's network, where `localhost` is the same for BuildKit that pushes and for the kubelet that pulls. */
async function startBuilder(ports: Ports, registry: string): Promise<void> {
  await kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"]);
  const metadata = { name: BUILDER_POD, namespace: NAMESPACE };
  await apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: configFiles(ports) },
  ]);
  await kubectlOk(["-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=20s"]);
  await apply([{ apiVersion: "v1", kind: "Pod", metadata, spec: builderSpec(ports, registry) }]);
  await kubectlOk(["-n", NAMESPACE, "wait", "--for=condition=Ready", `pod/${BUILDER_POD}`, "--timeout=60s"]);
}

function configFiles(ports: Ports): Readonly<Record<string, string>> {
  return {
    "buildkitd.toml": `root = "${BUILDKIT_ROOT}"
[grpc]
  address = ["tcp://127.0.0.1:${ports.buildkit}"]
[otel]
  socketPath = "${BUILDKIT_ROOT}/otel-grpc.sock"
[worker.oci]
  enabled = false
[worker.containerd]
  enabled = true
  address = "${CONTAINERD_RUN}/containerd.sock"
  namespace = "k8s.io"
[registry."localhost:${ports.registry}"]
  http = true
`,
    "registry.yml": `version: 0.1
storage:
  filesystem: { rootdirectory: /data }
http: { addr: "127.0.0.1:${ports.registry}" }
`,
  };
}

function builderSpec(ports: Ports, registry: string): unknown {
  const listens = (port: number): object => ({
    startupProbe: { tcpSocket: { host: "127.0.0.1", port }, periodSeconds: 1, failureThreshold: 60 },
  });
  const path = (name: string, hostPath: string, type: string): object => ({ name, hostPath: { path: hostPath, type } });
  return {
    hostNetwork: true,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "registry",
        image: "docker.io/library/busybox:1.36",
        command: ["/registry/usr/bin/docker-registry", "serve", "/config/registry.yml"],
        volumeMounts: [
          { name: "registry", mountPath: "/registry", readOnly: true },
          { name: "config", mountPath: "/config" },
          { name: "data", mountPath: "/data" },
        ],
        ...listens(ports.registry),
      },
      {
        name: "buildkitd",
        image: "docker.io/moby/buildkit:v0.25.2",
        command: ["/usr/bin/buildkitd", "--config", "/config/buildkitd.toml"],
        securityContext: { privileged: true },
        volumeMounts: [
          { name: "config", mountPath: "/config" },
          { name: "containerd", mountPath: CONTAINERD_ROOT },
          { name: "run", mountPath: CONTAINERD_RUN },
          { name: "state", mountPath: BUILDKIT_ROOT, mountPropagation: "Bidirectional" },
        ],
        ...listens(ports.buildkit),
      },
    ],
    volumes: [
      { name: "config", configMap: { name: BUILDER_POD } },
      { name: "data", emptyDir: {} },
      path("registry", registry, "Directory"),
      path("containerd", CONTAINERD_ROOT, "Directory"),
      path("run", CONTAINERD_RUN, "Directory"),
      path("state", BUILDKIT_ROOT, "DirectoryOrCreate"),
    ],
  };
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
