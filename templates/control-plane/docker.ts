/** In the place of buildkitd, where the nodes run Docker: our program between the builder and the socket of the node's Docker. */
import { dirname } from "node:path/posix";
import { BUILDCTL, BUILDKIT_SOCKET } from "../../builder/buildctl.ts";
import { DOCKER_SOCKET } from "../../builder/docker/sockets.ts";
import { EXECUTABLE, PROGRAM, TOKEN_MOUNT } from "../../core/contract.ts";
import type { ControlPlaneSettings } from "./settings.ts";

type Spec = Readonly<Record<string, unknown>>;

export const DOCKER_VOLUMES: readonly Spec[] = [
  { name: "docker-socket", hostPath: { path: DOCKER_SOCKET, type: "Socket" } },
];

/** The socket is root's, and whoever has it has the node: no token and no port lie beside it, and nothing else is allowed. */
export function dockerContainer({ image, imagePullPolicy }: ControlPlaneSettings): Spec {
  return {
    name: "docker",
    image,
    imagePullPolicy,
    command: [EXECUTABLE, PROGRAM.docker],
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
      // SELinux keeps ordinary containers from sockets of the node.
      seLinuxOptions: { type: "spc_t" },
    },
    startupProbe: answersBuildctl(BUILDCTL),
    resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "256Mi" } },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: "tools", mountPath: dirname(BUILDCTL), readOnly: true },
      { name: "socket", mountPath: dirname(BUILDKIT_SOCKET) },
      { name: "docker-socket", mountPath: DOCKER_SOCKET },
      // Over the pod's own token, which is the builder's.
      { name: "no-token", mountPath: TOKEN_MOUNT, readOnly: true },
    ],
  };
}

/** Asked only until BuildKit answers once; later a request of our program shows whether it is there. */
export function answersBuildctl(file: string): Spec {
  return {
    exec: { command: [file, "--addr", `unix://${BUILDKIT_SOCKET}`, "debug", "workers"] },
    periodSeconds: 1,
    timeoutSeconds: 5,
    failureThreshold: 60,
  };
}
