import { define } from "./define.ts";

export const clusterEnable = define({
  command: "cluster enable",
  aliases: ["use"],
  describe: "Prepare the cluster and select a dev space in it",
  options: {
    space: { alias: "s", type: "string", describe: "Dev space to select, made when absent: `dev` or `dev/alice`" },
    image: { type: "string", describe: "Image of azds, when the nodes cannot get the default one" },
    "replace-namespace": { type: "boolean", default: false, describe: "Replace a foreign namespace `azds`" },
    "host-suffix": {
      type: "string",
      describe: "End of the services' public host names, for example `.dev.example.com`, with a wildcard DNS record",
    },
    "containerd-root": { type: "string", describe: "Folder of containerd's state on the nodes" },
    "buildkit-image": { type: "string", describe: "Image of BuildKit" },
    "buildkit-worker": {
      type: "string",
      choices: ["containerd", "oci"],
      describe: "Where BuildKit works: in the nodes' containerd, or in a store of its own (needs `--registry`)",
    },
    registry: {
      type: "string",
      describe: "Registry for built images, `HOST[:PORT][/PATH]`; `none`: they stay in the nodes' own stores",
    },
    "registry-secret": {
      type: "string",
      describe: "Secret in namespace `azds` with which builders push (kubernetes.io/dockerconfigjson)",
    },
    "registry-pull-secret": {
      type: "string",
      describe: "The same for pods: each space gets a copy that its developers can read",
    },
    "registry-insecure": { type: "boolean", describe: "The registry speaks HTTP, or its certificate is not checked" },
    redirect: {
      type: "string",
      choices: ["init", "node"],
      describe: "Who redirects the traffic of pods where both may: an init container, or the node",
    },
    "no-wait": { type: "boolean", default: false, describe: "Return before the parts are ready" },
    name: { alias: "n", type: "string", describe: "Accepted as in Azure Dev Spaces; the kubeconfig context decides" },
    "resource-group": { alias: "g", type: "string", describe: "Accepted as in Azure Dev Spaces; not used" },
    endpoint: {
      alias: "e",
      type: "string",
      choices: ["Public", "Private", "None", "public", "private", "none"],
      describe: "Address of the gateway: public, private, or no gateway at all",
    },
    "tls-secret": { type: "string", describe: "TLS Secret in namespace `azds` for the gateway" },
    "trust-external-header": {
      type: "boolean",
      describe: "Let requests from outside choose their space by `azds-route-as`",
    },
  },
  examples: [
    ["azds use", "Ask for the dev space"],
    ["azds use -s dev/alice -y", "Ask nothing"],
  ],
  action: () => import("../actions/cluster-enable.ts"),
});
