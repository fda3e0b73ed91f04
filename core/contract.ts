/**
 * Every name that two programs must agree on, each written once. No behaviour lives here.
 * Kubernetes names follow https://kubernetes.io/docs/concepts/overview/working-with-objects/names/.
 */

/** Version of every program; the same as in package.json. */
export const VERSION = "0.1.0";

/** Namespace of everything of ours that is not part of a developer's pod. */
export const SYSTEM_NAMESPACE = "azds";
export const FIELD_MANAGER = "azds";

/** Namespace labels: a namespace with `SPACE_LABEL=true` is a space, also when made with kubectl alone. */
export const SPACE_LABEL = "azds.io/space";
export const PARENT_LABEL = "azds.io/parent-space";
/** Written by the webhook when a namespace becomes a space: the Kubernetes user name that did it. */
export const CREATOR_ANNOTATION = "azds.io/creator";

/** Pod label: the developer's wish to be left alone. */
export const NO_PROXY_LABEL = "azds.io/no-proxy";
/** Pod labels written by the webhook. */
export const INSTRUMENTED_LABEL = "azds.io/instrumented";
export const SESSION_LABEL = "azds.io/session";
/** Pod annotations read by the webhook. */
/** `application`: nobody answers liveness and startup probes in the application's place. */
export const PROBES_ANNOTATION = "azds.io/probes";
export const PROXY_RESOURCES_ANNOTATION = "azds.io/proxy-resources";
export const OPAQUE_PORTS_ANNOTATION = "azds.io/opaque-ports";
/** Names, separated by commas, of header fields and query parameters whose values traces do not show. */
export const REDACT_ANNOTATION = "azds.io/redact";
export const SKIP_INBOUND_PORTS_ANNOTATION = "azds.io/skip-inbound-ports";
export const SKIP_OUTBOUND_PORTS_ANNOTATION = "azds.io/skip-outbound-ports";
/** Pod annotations written by the webhook. */
export const INJECTED_ANNOTATION = "azds.io/injected";
export const SKIPPED_ANNOTATION = "azds.io/injection-skipped";
export const WARNING_ANNOTATION = "azds.io/warning";
/** Service annotation: requests to this Service are never rerouted. */
export const NO_ROUTE_ANNOTATION = "azds.io/no-route";

/** Request header naming the space a request belongs to. Field names compare case-insensitively (RFC 9110 §5.1). */
export const ROUTE_HEADER = "azds-route-as";
/** Between two sidecars only: `<namespace>/<service>` a request was already routed to. Stripped before delivery. */
export const HOP_HEADER = "azds-routed-to";

export const CONTAINER = {
  proxy: "devspaces-proxy",
  proxyInit: "devspaces-proxy-init",
  build: "devspaces-build",
  /** Fills the volume over a sync target from the image, where the container could not write into the image's own. */
  seed: "devspaces-seed",
} as const;

/** First argument of the executable: which program this process is. */
export const PROGRAM = {
  webhook: "__webhook",
  controller: "__controller",
  builder: "__builder",
  gateway: "__gateway",
  proxyInit: "__proxy-init",
  proxy: "__proxy",
  /** Started by `__proxy`, and started anew when it ends. */
  proxyWorker: "__proxy-worker",
  /** exec postStart of the sidecar: returns when the first route table is there. */
  proxyReady: "__proxy-ready",
  build: "__build",
  agent: "__agent",
  seed: "__seed",
  /** Beside the builder: writes the redirect into the network of a pod that may not do it itself. */
  rules: "__rules",
  /** Beside the builder where the node's runtime is Docker: the way to it. */
  docker: "__docker",
} as const;

/** TCP ports inside a pod. Those in `LOOPBACK_PORTS` listen on 127.0.0.1 only and are reached by port-forward. */
export const PORT = {
  outbound: 19001,
  inbound: 19006,
  admin: 19020,
  agent: 19050,
  build: 19060,
  traces: 19070,
  enter: 19080,
} as const;

/** TCP ports of the servers in `SYSTEM_NAMESPACE`. Services expose all of them on 443, the gateway's for HTTP on 80. */
export const SERVER_PORT = {
  webhook: 19443,
  controller: 19444,
  builder: 19445,
  health: 19446,
  gatewayHttp: 19447,
  gatewayHttps: 19448,
} as const;

/** Names of Deployments, DaemonSet, Services and TLS Secrets (`<name>-tls`) in `SYSTEM_NAMESPACE`. */
export const COMPONENT = {
  webhook: "azds-webhook",
  controller: "azds-controller",
  builder: "azds-builder",
  gateway: "azds-gateway",
  /** ConfigMap that every authenticated user may read: version, image, host suffix. */
  info: "azds-info",
} as const;

/** Socket of `__rules`, in a volume that it shares with the builder of its node alone. */
export const RULES_SOCKET = "/run/azds-rules/rules.sock";
/** The node's /proc as `__rules` sees it. */
export const HOST_PROC = "/host/proc";

/** Secret with the certificate authority (`ca.crt`, `ca.key`) and ConfigMap with `ca.crt` alone. */
export const CA_SECRET = "azds-ca";
export const CA_CONFIG_MAP = "azds-ca";
export const WEBHOOK_CONFIGURATION = "azds-webhook";
export const SPACE_POLICY = "azds-space-policy";

export const CLUSTER_ROLE = {
  developer: "azds-developer",
  viewer: "azds-viewer",
  spaceCreator: "azds-space-creator",
} as const;

/** User and group id of the sidecar; its own traffic is exempt from the redirect by this id. */
export const PROXY_UID = 19000;

/** Audience of the projected service-account tokens with which pods speak to controller and builder. */
export const TOKEN_AUDIENCE = "azds";
/** Folder and file of that token in `devspaces-proxy` and `devspaces-build`. */
export const TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
export const TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** Where the gateway finds `ca.crt` and the pair of the TLS Secret that enabling named. */
export const GATEWAY_CA_FOLDER = "/etc/azds/ca";
export const GATEWAY_TLS_FOLDER = "/etc/azds/tls";

/** IngressClasses that the gateway serves; the second is the name that charts of Azure Dev Spaces carry. */
export const INGRESS_CLASSES = ["azds", "traefik-azds"] as const;
/** `spec.controller` of ours. */
export const INGRESS_CONTROLLER = "azds.io/gateway";
/** Annotations of a clone: `<namespace>/<name>` of its original, and a digest of what the clone was made from. */
export const CLONE_OF_ANNOTATION = "azds.io/clone-of";
export const CLONE_DIGEST_ANNOTATION = "azds.io/clone-digest";

/** Folder of the executable in our image, and mount point of the volume of session pods. */
export const AGENT_FOLDER = "/azds";
export const EXECUTABLE = "/azds/azds";
/** Name of that volume in session pods. */
export const AGENT_VOLUME = "azds";
/** Volume over the folder that `SessionContainer.volume` names, and where `devspaces-seed` mounts it to fill it. */
export const SYNC_VOLUME = "azds-sync";
export const SEED_MOUNT = "/azds-seed";
/** Where `devspaces-build` mounts that volume: its own executable already lies in `AGENT_FOLDER`. */
export const BUILD_VOLUME_MOUNT = "/azds-volume";
/** Written by `__build` into the volume for `__agent`: per container image, what the image would have started. */
export const IMAGE_CONFIG_FILE = "/azds/images.json";
/** In the volume: what was synced into each container, for when it restarts. */
export const SYNC_JOURNAL_FOLDER = "/azds/sync";

/** In the volume: the edits that a new pod starts with, left there by `__build` for `__agent` (core/edits.ts). */
export const EDITS_FOLDER = "/azds/edits";
/** What a container writes there stands in the pod's status when it has ended. */
export const TERMINATION_LOG = "/dev/termination-log";

/** Prefix of built images in a node's store: `azds.local/<namespace>/<repository>:<tag>`. Never a resolvable registry. */
export const IMAGE_PREFIX = "azds.local";
/** In each space where images are in a registry that wants credentials: with these its pods pull. */
export const PULL_SECRET = "azds-registry";

/** Environment variables that carry configuration into in-cluster programs, as JSON of the named type. */
export const ENV = {
  /** `SidecarConfig` for `__proxy`, `__proxy-init`. */
  sidecar: "AZDS_SIDECAR",
  /** `BuildConfig` for `__build`. */
  build: "AZDS_BUILD",
  /** `GatewayConfig` for `__gateway`. */
  gateway: "AZDS_GATEWAY",
  /** For `__builder`: what images in a registry begin with; absent where they are in the nodes' own stores. */
  registry: "AZDS_REGISTRY",
  /** For `__builder`: `docker` where images are in the stores of Docker; absent: of containerd, or in a registry. */
  store: "AZDS_STORE",
  /** For `__controller`: the Secret in `SYSTEM_NAMESPACE` that spaces get as PULL_SECRET; absent: none. */
  pullSecret: "AZDS_PULL_SECRET",
  /** Downward API, in all of them. */
  podName: "AZDS_POD_NAME",
  podNamespace: "AZDS_POD_NAMESPACE",
  podIps: "AZDS_POD_IPS",
  nodeName: "AZDS_NODE_NAME",
} as const;

/** Suffix of URLs where no public name exists; `*.localhost` resolves to loopback (RFC 6761 §6.3). */
export const LOCAL_HOST_SUFFIX = ".azds.localhost";
