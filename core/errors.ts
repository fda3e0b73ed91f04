/** Every failure a user can act on, with the next step to offer. Codes are stable: scripts and docs/errors.md name them. */
const HINTS = {
  // Command line and project
  USAGE: "Run the command with `--help` to see what it takes",
  CONFIG_NOT_FOUND: "Go to the folder of the service, or run `azds init` there to create `azds.yaml`",
  CONFIG_INVALID: "Mend the named line of `azds.yaml` and run the command again; nothing was changed",
  DOCKERFILE_NOT_FOUND: "Create the Dockerfile, or name it in `azds.yaml` under `build.dockerfile`",
  LANGUAGE_UNKNOWN: "Write a Dockerfile first, then run `azds init` again for the chart and `azds.yaml`",
  PORT_IN_USE: "Choose another local port with `-p LOCAL:REMOTE`, or stop the program that holds it",
  // Cluster
  CLUSTER_UNREACHABLE: "Check the context with `kubectl config current-context` and that the cluster is running",
  KUBECONFIG_INVALID: "Check the file named by `KUBECONFIG` or `~/.kube/config`",
  CREDENTIALS_REJECTED: "Sign in to the cluster again, then repeat the command",
  FORBIDDEN: "Ask the owner of the cluster for the named right; docs/roles.md lists the roles of azds",
  NOT_ENABLED: "Run `azds cluster enable` once for this cluster",
  NO_USABLE_NODE: "azds needs a Ready Linux node without a NoSchedule taint",
  KUBERNETES_TOO_OLD: "azds needs Kubernetes 1.29 or newer",
  IMAGE_NOT_AVAILABLE:
    "Bring the image to the nodes with `azds image export`, or name one they can pull with `--image`",
  NAMESPACE_FOREIGN: "Look at what is in the namespace, then pass `--replace-namespace` to replace it",
  TLS_SECRET_MISSING:
    "Create it with `kubectl -n azds create secret tls NAME --cert=FILE --key=FILE`; before the first `azds cluster enable`, enable without `--tls-secret` first",
  REGISTRY_NEEDED:
    "Name a registry that builders push to and all nodes pull from: `azds cluster enable --registry HOST/PATH` (docs/builds.md); or keep pods away from nodes with another runtime by a taint `NoSchedule`",
  REGISTRY_SECRET_INVALID:
    "Create it with `kubectl -n azds create secret docker-registry NAME --docker-server=HOST --docker-username=USER --docker-password=PASSWORD`; before the first `azds cluster enable`, enable with `--registry` alone first",
  COMPONENT_NOT_READY: "Run `azds cluster status` to see each part and its last event",
  API_FAILED: "The API server answered with an error; run again with `-v` to see the request",
  // Spaces
  SPACE_NOT_FOUND: "Run `azds space list` to see the spaces of this cluster",
  SPACE_NOT_SELECTED: "Select one with `azds space select -n NAME`",
  SPACE_NAME_INVALID:
    "Use a DNS label: lower-case letters, digits and `-`, at most 63 characters, no `-` at either end",
  SPACE_NAME_RESERVED: "Choose another name: `azds` and `kube-*` cannot be spaces",
  SPACE_EXISTS: "Select it with `azds space select -n NAME`",
  SPACE_CYCLE: "Choose a parent that is not below the space itself",
  SPACE_PROTECTED: "`default` cannot be removed; take it out of azds with `--no-delete`",
  SPACE_HAS_CHILDREN: "Remove the spaces below it first, innermost first",
  SPACE_FORBIDS_PODS:
    "Have an administrator run `azds cluster enable --redirect=node`, with which pods need no capability, or label the namespace with the level that it is to enforce",
  PARENT_NOT_FOUND: "Create the parent first with `azds space create -n NAME`",
  // Up
  SESSION_HELD: "Ask its owner, or take it over with `--take-over`",
  HELM_MISSING: "Install Helm 3.8 or newer and make sure that it is on PATH",
  HELM_TOO_OLD: "Install Helm 3.8 or newer",
  CHART_INVALID: "Mend the chart; `helm template` shows the same message",
  RELEASE_FAILED: "Read the message of Helm above; nothing of the old release was changed",
  BUILD_FAILED: "Mend the Dockerfile or the sources and run `azds up` again; nothing that runs was touched",
  PUSH_FAILED:
    "Look whether the registry runs, and whether the Secret that `azds cluster enable --registry-secret` names may push there; `azds cluster status` shows both names",
  SOURCE_UNREADABLE: "Make it readable, or list it in `.dockerignore`",
  WATCH_LIMIT:
    "End programs that watch files (editors, reloaders), or raise the named limit with `sysctl`; what runs in the cluster goes on",
  SYNC_FAILED: "Look whether the disk of that node is full; `azds cluster status` shows its builder",
  BUILDER_UNAVAILABLE: "Run `azds cluster status` to see the builder of that node",
  POD_NOT_STARTED: "The cause above comes from the pod's own status and events",
  POD_CRASHED: "The last lines of its output are above; mend them and run `azds up` again",
  POD_NOT_INJECTED: "Run `azds cluster status`; the webhook did not answer when the pod was made",
  UPDATE_FAILED: "Mend what the output above names and save again; nothing was replaced by a half-made state",
  SYNC_TARGET_UNWRITABLE:
    "Give the image a `WORKDIR` of its own which its user may write (`COPY --chown`), or name such a folder with `container.syncTarget` in `azds.yaml`",
  SYNC_BACK_LIMIT: "Name fewer or smaller files with `container.syncBack` in `azds.yaml`; nothing of them was changed",
  REBUILD_REFUSED: "Run `azds up` without `--no-rebuild` to have the image rebuilt",
  REQUIRED_NOT_UP: "Mend the service that failed, as told above, and run the command again",
  SERVICE_NOT_UP: "Start it with `azds up`",
  HOST_UNKNOWN: "Give the name of a service, such as `http://web`, or one of the addresses of `azds list-uris`",
  NOT_ROUTED: "Ask for the name of the service instead, such as `http://web`, or for an address of `azds list-uris`",
  NO_SIDECAR: "Bring up a service there with `azds up`, or name a dev space that has one with `--space`",
  NO_ANSWER: "Run the command without `--live` to see where the request should go",
  SERVICE_NOT_FOUND: "Run `azds list-up` to see what runs in which space, and name the space with `-n SPACE`",
  CONTAINER_NOT_FOUND: "Name one of these containers with `-c`",
  CONTAINER_NOT_RUNNING: "Run `azds logs` to read why, or wait until `azds list-up` shows it as running",
  NO_LOG: "A container has a log once it has started, and `--previous` shows one once it was started again",
  PROGRAM_NOT_FOUND: "Name a program of the image, with its path if it is not on PATH; there may be no shell in it",
  PROGRAM_NOT_EXECUTABLE: "Look at the permissions of that file in the image, and at who runs it",
  POD_GONE: "Run the command again; it then goes to the pod that has replaced this one",
  CONNECTION_LOST: "Check the network to the cluster and run the command again; the service keeps running",
  // Peers that break a protocol
  PROTOCOL: "Use the same version of azds on both sides; `azds cluster status` shows them",
  // Not failures of anything
  DECLINED: "Nothing was changed",
  TIMED_OUT: "Run the command again with `-v` to see where it waits",
} as const satisfies Readonly<Record<string, string>>;

export type ErrorCode = keyof typeof HINTS;

/** All codes with their hints, for documents and tests. */
export const ERROR_HINTS: Readonly<Record<ErrorCode, string>> = HINTS;

/** False for a code of another version. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(HINTS, code);
}

export type ErrorExitCode = 1 | 2 | 126 | 127;

/** Programs that cannot be run exit as in a shell (POSIX, Shell Command Language §2.8.2). */
const EXIT_CODES: Readonly<Partial<Record<ErrorCode, ErrorExitCode>>> = {
  USAGE: 2,
  PROGRAM_NOT_EXECUTABLE: 126,
  PROGRAM_NOT_FOUND: 127,
};

/** Wrong command lines exit with 2, most of what a user can act on with 1 (docs/errors.md). */
export function exitCodeOf(code: ErrorCode): ErrorExitCode {
  return EXIT_CODES[code] ?? 1;
}

/** A failure the user can act on. Anything else that reaches the top is a bug in azds and exits with 70. */
export class AzdsError extends Error {
  override readonly name = "AzdsError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = HINTS[code];
  }
}
