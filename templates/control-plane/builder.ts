/** The builder of each node: our program without privilege beside BuildKit, which works in the node's image store. */
import { createHash } from "node:crypto";
import { basename, dirname } from "node:path/posix";
import { BUILDCTL, BUILDKIT_SOCKET } from "../../builder/buildctl.ts";
import { BUILDER_ROOT } from "../../builder/folders.ts";
import { PEER_TOKEN_FILE } from "../../builder/peers.ts";
import { BUILDER_RULES } from "../../builder/rules.ts";
import { REGISTRY_CREDENTIALS, SECRETS_ROOT } from "../../builder/secrets.ts";
import {
  COMPONENT,
  ENV,
  EXECUTABLE,
  HOST_PROC,
  IMAGE_PREFIX,
  PROGRAM,
  PROXY_UID,
  RULES_SOCKET,
  SERVER_PORT,
  TOKEN_AUDIENCE,
  TOKEN_MOUNT,
} from "../../core/contract.ts";
import { BUILD_SECRETS_MEMORY } from "../../core/limits.ts";
import { programAccess } from "./access.ts";
import { answersBuildctl, DOCKER_VOLUMES, dockerContainer } from "./docker.ts";
import {
  configMap,
  namespaced,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  selectorLabels,
  type Identity,
  type KubeObject,
} from "./object.ts";
import { podLabels, programContainer, serverService } from "./server.ts";
import type { BuildkitWorker, ControlPlaneSettings } from "./settings.ts";

type Spec = Readonly<Record<string, unknown>>;

/** Folder of BuildKit's own state on the node. */
const BUILDKIT_ROOT = "/var/lib/azds-buildkit";
const BUILDKIT_CONFIG = "/etc/buildkit";
/** Secrets and agent sockets of builds: BuildKit makes them here, in memory, and the node mounts them into the processes. */
const BUILDKIT_TMP = `${BUILDKIT_ROOT}/tmp`;
/** A buildkitd that was killed has left its own behind. */
const START_BUILDKITD = [
  `for left in ${BUILDKIT_TMP}/buildkit-secrets*; do umount -l "$left" 2>/dev/null; done`,
  `rm -rf ${BUILDKIT_TMP}; mkdir -p -m 0700 ${BUILDKIT_TMP}`,
  `exec /usr/bin/buildkitd --config ${BUILDKIT_CONFIG}/buildkitd.toml`,
].join("\n");
/** containerd's client makes the pipes of a build's processes here, and its shims on the node open them. */
const CONTAINERD_PIPES = "/run/containerd";
/** The kubelet renews it when four fifths of this are over. */
const PEER_TOKEN_S = 3_600;
const CONFIG_ANNOTATION = "azds.io/buildkitd-config";
/** Namespace inside containerd in which the kubelet looks for images. */
const CONTAINERD_NAMESPACE = "k8s.io";

export function builder(settings: ControlPlaneSettings): readonly KubeObject[] {
  const identity: Identity = { name: COMPONENT.builder, component: "builder", version: settings.version };
  const server = { identity, program: PROGRAM.builder, port: SERVER_PORT.builder, env: environment(settings) };
  const metadata = namespaced(identity);
  const buildkit = buildkitOf(settings);
  return [
    ...programAccess(identity, BUILDER_RULES),
    configMap(metadata, buildkit.config),
    // A pod asks the builder of its own node: the image must land where it runs.
    serverService(server, "Local"),
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata,
      spec: {
        revisionHistoryLimit: 2,
        selector: { matchLabels: selectorLabels("builder") },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "50%" } },
        template: {
          // buildkitd reads its configuration once.
          metadata: {
            labels: podLabels(identity),
            annotations: { [CONFIG_ANNOTATION]: digestOf(JSON.stringify(buildkit.config)) },
          },
          spec: {
            serviceAccountName: identity.name,
            nodeSelector: { "kubernetes.io/os": "linux" },
            terminationGracePeriodSeconds: 10,
            enableServiceLinks: false,
            // Never a registry: what the node's store does not have must be missed at once, not looked for on the network.
            hostAliases: [{ ip: "127.0.0.1", hostnames: [IMAGE_PREFIX] }],
            initContainers: [prepareContainer(settings)],
            containers: [
              builderContainer(programContainer(server, settings), settings),
              buildkit.container,
              rulesContainer(settings),
            ],
            volumes: [...volumes(settings), ...buildkit.volumes],
          },
        },
      },
    },
  ];
}

function environment({ registry, buildkitWorker }: ControlPlaneSettings): Readonly<Record<string, string>> {
  return {
    ...(registry === undefined ? {} : { [ENV.registry]: registry.prefix }),
    ...(buildkitWorker === "docker" ? { [ENV.store]: "docker" } : {}),
  };
}

interface Buildkit {
  readonly container: Spec;
  readonly volumes: readonly Spec[];
  /** Data of the ConfigMap. */
  readonly config: Readonly<Record<string, string>>;
}

/** BuildKit itself, or the way to the one inside Docker. */
function buildkitOf(settings: ControlPlaneSettings): Buildkit {
  const { buildkitWorker } = settings;
  if (buildkitWorker === "docker") return { container: dockerContainer(settings), volumes: DOCKER_VOLUMES, config: {} };
  const worker = WORKERS[buildkitWorker];
  return {
    container: buildkitContainer(settings, worker),
    volumes: [
      { name: "config", configMap: { name: COMPONENT.builder } },
      ...worker.volumes(settings),
      hostFolder("state", BUILDKIT_ROOT),
    ],
    config: { "buildkitd.toml": buildkitConfig(settings, worker) },
  };
}

/**
 * Copies BuildKit's static client out of its image, as ours holds no other program, and gives our program its folder on
 * the node, which the kubelet made for root.
 */
function prepareContainer({ buildkitImage, imagePullPolicy }: ControlPlaneSettings): Spec {
  const script = `cp /usr/bin/buildctl ${BUILDCTL} && chown ${PROXY_UID}:${PROXY_UID} ${BUILDER_ROOT}`;
  return {
    name: "prepare",
    image: buildkitImage,
    imagePullPolicy,
    command: ["/bin/sh", "-c", script],
    securityContext: { ...RESTRICTED_CONTAINER, runAsUser: 0, capabilities: { drop: ["ALL"], add: ["CHOWN"] } },
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "128Mi" } },
    volumeMounts: [
      { name: "tools", mountPath: dirname(BUILDCTL) },
      { name: "sources", mountPath: BUILDER_ROOT },
    ],
  };
}

function builderContainer(
  container: Spec & { readonly env: readonly unknown[] },
  { registry }: ControlPlaneSettings,
): Spec {
  return {
    ...container,
    env: [...container.env, { name: ENV.podIps, valueFrom: { fieldRef: { fieldPath: "status.podIPs" } } }],
    securityContext: { ...RESTRICTED_POD, ...RESTRICTED_CONTAINER },
    volumeMounts: [
      { name: "tools", mountPath: dirname(BUILDCTL), readOnly: true },
      { name: "socket", mountPath: dirname(BUILDKIT_SOCKET) },
      { name: "sources", mountPath: BUILDER_ROOT },
      { name: "secrets", mountPath: SECRETS_ROOT },
      { name: "peer-token", mountPath: dirname(PEER_TOKEN_FILE), readOnly: true },
      { name: "rules", mountPath: dirname(RULES_SOCKET) },
      ...(hasSecret(registry) ? [{ name: "registry", mountPath: REGISTRY_CREDENTIALS, readOnly: true }] : []),
    ],
  };
}

function hasSecret(registry: ControlPlaneSettings["registry"]): boolean {
  return registry !== undefined && registry.secret !== "";
}

/** As the Docker configuration file that buildctl reads. A Secret that is missing must not keep the builder from starting. */
function registryVolume(secretName: string): Spec {
  const items = [{ key: ".dockerconfigjson", path: "config.json" }];
  return { name: "registry", secret: { secretName, items, optional: true } };
}

/**
 * Writes the redirect into the networks of pods that may not do it themselves; docs/pod-security.md says what each right
 * is for. No token, no port, no file of the node but its list of processes. The profiles of AppArmor and SELinux for
 * containers forbid to look at processes of other pods.
 */
function rulesContainer({ image, imagePullPolicy }: ControlPlaneSettings): Spec {
  return {
    name: "rules",
    image,
    imagePullPolicy,
    command: [EXECUTABLE, PROGRAM.rules],
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"] },
      seccompProfile: { type: "RuntimeDefault" },
      appArmorProfile: { type: "Unconfined" },
      seLinuxOptions: { type: "spc_t" },
    },
    resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: "rules", mountPath: dirname(RULES_SOCKET) },
      { name: "processes", mountPath: HOST_PROC, readOnly: true },
      // Over the pod's own token, which is the builder's.
      { name: "no-token", mountPath: TOKEN_MOUNT, readOnly: true },
    ],
  };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function buildkitContainer(settings: ControlPlaneSettings, worker: Worker): Spec {
  const { buildkitImage, imagePullPolicy } = settings;
  return {
    name: "buildkitd",
    image: buildkitImage,
    imagePullPolicy,
    command: ["/bin/sh", "-c", START_BUILDKITD],
    env: [{ name: "TMPDIR", value: BUILDKIT_TMP }],
    securityContext: { privileged: true, runAsUser: 0 },
    startupProbe: answersBuildctl("/usr/bin/buildctl"),
    resources: { requests: { cpu: "50m", memory: "64Mi" } },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: "config", mountPath: BUILDKIT_CONFIG },
      { name: "socket", mountPath: dirname(BUILDKIT_SOCKET) },
      ...worker.mounts(settings),
    ],
  };
}

interface Worker {
  /** Of buildkitd. */
  readonly mounts: (settings: ControlPlaneSettings) => readonly Spec[];
  readonly volumes: (settings: ControlPlaneSettings) => readonly Spec[];
  /** Its own lines of buildkitd.toml. */
  readonly config: (settings: ControlPlaneSettings) => string;
}

const WORKERS: Readonly<Record<Exclude<BuildkitWorker, "docker">, Worker>> = {
  containerd: {
    // Every path of the node has the same name inside: containerd is told paths and opens them on the node.
    mounts: ({ containerd }) => [
      { name: "containerd-socket", mountPath: containerd.socket },
      { name: "containerd-root", mountPath: containerd.root },
      { name: "containerd-pipes", mountPath: CONTAINERD_PIPES },
      // What BuildKit mounts here for a build must appear on the node, where the build's processes run.
      { name: "state", mountPath: BUILDKIT_ROOT, mountPropagation: "Bidirectional" },
    ],
    volumes: ({ containerd }) => [
      { name: "containerd-socket", hostPath: { path: containerd.socket, type: "Socket" } },
      { name: "containerd-root", hostPath: { path: containerd.root, type: "Directory" } },
      hostFolder("containerd-pipes", CONTAINERD_PIPES),
    ],
    config: ({ containerd }) => `[worker.oci]
  enabled = false
[worker.containerd]
  enabled = true
  address = "${containerd.socket}"
  namespace = "${CONTAINERD_NAMESPACE}"`,
  },
  // With the runc of BuildKit's image, in this container's own network.
  oci: {
    mounts: () => [{ name: "state", mountPath: BUILDKIT_ROOT }],
    volumes: () => [],
    config: () => `[worker.containerd]
  enabled = false
[worker.oci]
  enabled = true`,
  },
};

function volumes({ registry }: ControlPlaneSettings): readonly Spec[] {
  return [
    { name: "tools", emptyDir: {} },
    { name: "socket", emptyDir: {} },
    { name: "rules", emptyDir: {} },
    { name: "no-token", emptyDir: {} },
    { name: "processes", hostPath: { path: "/proc", type: "Directory" } },
    { name: "secrets", emptyDir: { medium: "Memory", sizeLimit: BUILD_SECRETS_MEMORY } },
    // With it builders know each other.
    {
      name: "peer-token",
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: TOKEN_AUDIENCE,
              expirationSeconds: PEER_TOKEN_S,
              path: basename(PEER_TOKEN_FILE),
            },
          },
        ],
      },
    },
    ...(hasSecret(registry) ? [registryVolume(registry?.secret ?? "")] : []),
    // Outlives the pod: a new builder knows what the old one had.
    hostFolder("sources", BUILDER_ROOT),
  ];
}

function hostFolder(name: string, path: string): Spec {
  return { name, hostPath: { path, type: "DirectoryOrCreate" } };
}

/**
 * buildkitd.toml(5); the grpc socket belongs to our program, which runs without privilege. The socket for traces is
 * mounted into each build's processes, so it must lie in a folder that the node has too. The cache keeps a bound.
 * Of past builds nothing is kept (looked for every two minutes): their logs may show what a step printed of a secret.
 */
function buildkitConfig(settings: ControlPlaneSettings, worker: Worker): string {
  const { registry } = settings;
  return `root = "${BUILDKIT_ROOT}"
[grpc]
  address = ["unix://${BUILDKIT_SOCKET}"]
  uid = ${PROXY_UID}
  gid = ${PROXY_UID}
[history]
  maxAge = 0
  maxEntries = 0
[otel]
  socketPath = "${BUILDKIT_ROOT}/otel-grpc.sock"
${worker.config(settings)}
  gc = true
  reservedSpace = "1GB"
  maxUsedSpace = "20%"
  minFreeSpace = "10%"
  max-parallelism = 4
${registry?.insecure === true ? insecureRegistry(registry.prefix) : ""}`;
}

function insecureRegistry(prefix: string): string {
  return `[registry."${prefix.split("/")[0] ?? ""}"]
  http = true
  insecure = true
`;
}
