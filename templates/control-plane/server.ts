/** What the programs with a TLS server in our namespace have in common. */
import { ENV, EXECUTABLE, SERVER_PORT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import {
  namespaced,
  PART_OF,
  RESTRICTED_CONTAINER,
  RESTRICTED_POD,
  selectorLabels,
  type Identity,
  type KubeObject,
} from "./object.ts";
import type { ControlPlaneSettings } from "./settings.ts";

export interface ServerProgram {
  readonly identity: Identity;
  /** First argument of the executable. */
  readonly program: string;
  /** Its TLS port; the Service has it on 443. */
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Two replicas, so that a node may go and a new version may come without a gap. */
const REPLICAS = 2;
/** The programs answer `/readyz` within milliseconds of their start. */
const READINESS_PERIOD_S = 1;
/** Open connections are drained well within this. */
const GRACE_S = 10;

/** Deployment, Service and PodDisruptionBudget of a program that runs in two replicas. */
export function serverProgram(server: ServerProgram, settings: ControlPlaneSettings): readonly KubeObject[] {
  return [serverService(server), ...serverDeployment(server, settings)];
}

/** What a program's pod has beside the others'. */
export interface PodExtras {
  /** Seconds that its connections may take to end. */
  readonly graceS: number;
  readonly ports: readonly object[];
  readonly mounts: readonly object[];
  readonly volumes: readonly object[];
}

/** Deployment and PodDisruptionBudget alone. */
export function serverDeployment(
  server: ServerProgram,
  settings: ControlPlaneSettings,
  extras?: PodExtras,
): readonly KubeObject[] {
  const metadata = namespaced(server.identity);
  const matchLabels = selectorLabels(server.identity.component);
  const container = programContainer(server, settings);
  return [
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels } },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: REPLICAS,
        revisionHistoryLimit: 2,
        selector: { matchLabels },
        // All new ones at once, and none of the old before they are ready.
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "100%", maxUnavailable: 0 } },
        template: {
          metadata: { labels: podLabels(server.identity) },
          spec: {
            serviceAccountName: server.identity.name,
            nodeSelector: { "kubernetes.io/os": "linux" },
            affinity: apart(matchLabels),
            terminationGracePeriodSeconds: extras?.graceS ?? GRACE_S,
            enableServiceLinks: false,
            securityContext: RESTRICTED_POD,
            ...(extras === undefined
              ? { containers: [container] }
              : {
                  automountServiceAccountToken: false,
                  containers: [
                    { ...container, ports: [...container.ports, ...extras.ports], volumeMounts: extras.mounts },
                  ],
                  volumes: extras.volumes,
                }),
          },
        },
      },
    },
  ];
}

/** Labels of the program's pods; they carry the version so that `status` can tell old pods from new. */
export function podLabels(identity: Identity): Readonly<Record<string, string>> {
  return { ...selectorLabels(identity.component), ...PART_OF, "app.kubernetes.io/version": identity.version };
}

/** `internalTrafficPolicy: Local` sends a pod to the server of its own node only. */
export function serverService({ identity, port }: ServerProgram, policy: "Cluster" | "Local" = "Cluster"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: namespaced(identity),
    spec: {
      selector: selectorLabels(identity.component),
      internalTrafficPolicy: policy,
      ports: [{ name: "https", port: 443, targetPort: port, protocol: "TCP" }],
    },
  };
}

/** The container of one of our programs: no privilege, nothing to write. */
export function programContainer(
  server: ServerProgram,
  settings: ControlPlaneSettings,
): Readonly<Record<string, unknown>> & { readonly env: readonly unknown[]; readonly ports: readonly object[] } {
  return {
    name: server.identity.component,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    command: [EXECUTABLE, server.program],
    env: [
      fieldEnv(ENV.podName, "metadata.name"),
      fieldEnv(ENV.podNamespace, "metadata.namespace"),
      fieldEnv(ENV.nodeName, "spec.nodeName"),
      ...Object.entries(server.env).map(([name, value]) => ({ name, value })),
    ],
    ports: [
      { name: "https", containerPort: server.port, protocol: "TCP" },
      { name: "health", containerPort: SERVER_PORT.health, protocol: "TCP" },
    ],
    readinessProbe: {
      httpGet: { path: "/readyz", port: "health" },
      periodSeconds: READINESS_PERIOD_S,
      timeoutSeconds: 2,
    },
    resources: { requests: { cpu: "10m", memory: "48Mi" }, limits: { memory: "512Mi" } },
    securityContext: RESTRICTED_CONTAINER,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

function fieldEnv(name: string, fieldPath: string): Readonly<Record<string, unknown>> {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** Replicas on different nodes where there are several. */
function apart(matchLabels: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  const podAffinityTerm = {
    labelSelector: { matchLabels },
    topologyKey: "kubernetes.io/hostname",
    namespaces: [SYSTEM_NAMESPACE],
  };
  return {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
  };
}
