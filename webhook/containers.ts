/** The containers and volumes of ours, built from nothing but their configuration. */
import {
  AGENT_VOLUME,
  BUILD_VOLUME_MOUNT,
  CONTAINER,
  ENV,
  EXECUTABLE,
  PROGRAM,
  PROXY_UID,
  TOKEN_AUDIENCE,
  TOKEN_MOUNT,
} from "../core/contract.ts";
import { formatBuildConfig, type BuildConfig } from "../core/build-config.ts";
import type { JsonObject } from "../core/parse.ts";
import { formatSidecarConfig, type SidecarConfig } from "../core/sidecar-config.ts";
import type { Container } from "./pod.ts";

export const TOKEN_VOLUME = "azds-token";
/** The kubelet renews a projected token at 80 % of this (Kubernetes, "ServiceAccount token volume projection"). */
const TOKEN_SECONDS = 3600;

/** What all of them share. */
export interface OurImage {
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly resources: JsonObject;
}

/**
 * The container says everything itself, so that the pod's own `securityContext` (another user, `runAsNonRoot`, a
 * seccomp profile) cannot break it.
 */
const UNPRIVILEGED: JsonObject = {
  runAsUser: PROXY_UID,
  runAsGroup: PROXY_UID,
  runAsNonRoot: true,
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  privileged: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

/** A writable root: `/etc/resolv.conf`, edited in place, is part of it. Uid 0, as NET_ADMIN reaches no other user. */
const NETWORK_ADMIN: JsonObject = {
  ...UNPRIVILEGED,
  runAsUser: 0,
  runAsGroup: 0,
  runAsNonRoot: false,
  readOnlyRootFilesystem: false,
  capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
};

/** @param native as an init container that keeps running: for pods that end by themselves */
export function proxyContainer(ours: OurImage, config: SidecarConfig, native: boolean): Container {
  return {
    ...base(ours, CONTAINER.proxy, PROGRAM.proxy),
    ...(native ? { restartPolicy: "Always" } : {}),
    env: [{ name: ENV.sidecar, value: formatSidecarConfig(config) }, ...DOWNWARD],
    // exec, because an httpGet hook is not tried again. The kubelet starts the next container when it has returned.
    lifecycle: { postStart: { exec: { command: [EXECUTABLE, PROGRAM.proxyReady] } } },
    securityContext: UNPRIVILEGED,
    volumeMounts: [TOKEN],
  };
}

export function proxyInitContainer(ours: OurImage, config: SidecarConfig): Container {
  return {
    ...base(ours, CONTAINER.proxyInit, PROGRAM.proxyInit),
    env: [{ name: ENV.sidecar, value: formatSidecarConfig(config) }, ...DOWNWARD],
    securityContext: NETWORK_ADMIN,
    // Unused there, but it keeps the pod's own token out.
    volumeMounts: [TOKEN],
  };
}

export function buildContainer(ours: OurImage, config: BuildConfig): Container {
  return {
    ...base(ours, CONTAINER.build, PROGRAM.build),
    env: [{ name: ENV.build, value: formatBuildConfig(config) }, ...DOWNWARD],
    securityContext: UNPRIVILEGED,
    volumeMounts: [{ name: AGENT_VOLUME, mountPath: BUILD_VOLUME_MOUNT }, TOKEN],
  };
}

/** Independent of `automountServiceAccountToken`: only our containers mount it, and only our servers accept it. */
export const tokenVolume: JsonObject = {
  name: TOKEN_VOLUME,
  projected: {
    sources: [{ serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: "token" } }],
  },
};

export const agentVolume: JsonObject = { name: AGENT_VOLUME, emptyDir: {} };

/**
 * At the place of the pod's own token, which the API server would mount there otherwise: our containers have no use for
 * what the application may do, and a pod that the API server changes after the webhook is sent to the webhook again.
 */
const TOKEN: JsonObject = { name: TOKEN_VOLUME, mountPath: TOKEN_MOUNT, readOnly: true };

const DOWNWARD: readonly JsonObject[] = [
  fromField(ENV.podName, "metadata.name"),
  fromField(ENV.podNamespace, "metadata.namespace"),
  fromField(ENV.podIps, "status.podIPs"),
  fromField(ENV.nodeName, "spec.nodeName"),
];

function fromField(name: string, fieldPath: string): JsonObject {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function base(ours: OurImage, name: string, program: string): Container {
  return {
    name,
    image: ours.image,
    imagePullPolicy: ours.imagePullPolicy,
    args: [program],
    resources: ours.resources,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}
