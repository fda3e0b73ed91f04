/** Why a pod was left alone, or injected with a caveat: one code for logs and annotations, one sentence for people. */

const SKIPS = {
  "not-a-space": "The namespace is no space",
  "already-injected": "The pod already has the containers of azds",
  "no-containers": "The pod has no container of its own",
  "static-pod": "The pod is the mirror of a static pod, which only its node can change",
  "host-network": "The pod shares the network of its node, where a redirect would catch all traffic of the node",
  windows: "The pod is for Windows nodes; azds works in Linux pods only",
  "opted-out": "The pod's label `azds.io/no-proxy` asks for it",
  "name-clash": "The pod already uses a container name, volume name or mount path that azds needs",
} as const satisfies Readonly<Record<string, string>>;

export type SkipReason = keyof typeof SKIPS;

/** `code: sentence`; what stands before the first colon is for programs. */
export function describeSkip(reason: SkipReason): string {
  return `${reason}: ${SKIPS[reason]}`;
}

/**
 * Reasons that are written nowhere: the pod is none of our business, or is what it should be already, or would be
 * refused anyway. The kubelet makes a mirror pod again for ever when it is changed.
 */
const SILENT: ReadonlySet<SkipReason> = new Set(["not-a-space", "already-injected", "no-containers", "static-pod"]);

export function isSilent(reason: SkipReason): boolean {
  return SILENT.has(reason);
}

const WARNINGS = {
  "mesh-sidecar": "A service mesh also redirects this pod's traffic, so requests may not be routed by space",
  "port-clash": "A container declares a port that azds listens on itself",
  "proxy-user": "A container runs as the user id of `devspaces-proxy`, so its traffic is not routed",
  "proxy-resources": "The annotation `azds.io/proxy-resources` was ignored, the defaults hold",
  "port-list": "An annotation should hold port numbers with commas between them; the rest was ignored",
  "search-list-full": "The list of DNS search domains is full, so names of these spaces do not resolve",
  "several-sessions": "The pod has images of several sessions; it belongs to the first",
  "sync-volume": "No volume can be laid over the folder for synced files; this stands against it",
  "session-unread": "The session's record could not be read, so what it wishes of the container is not in force",
  "native-liveness":
    "The TCP liveness probe of a native sidecar cannot see behind the redirect; prefer `httpGet` or `exec`",
} as const satisfies Readonly<Record<string, string>>;

export interface Warning {
  readonly code: keyof typeof WARNINGS;
  /** The value at fault, as the pod has it. */
  readonly detail: string;
}

/** `code: sentence (detail)`. */
export function describeWarning(warning: Warning): string {
  return `${warning.code}: ${WARNINGS[warning.code]} (\`${warning.detail}\`)`;
}
