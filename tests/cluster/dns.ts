import { stringify } from "yaml";
import { DNS_SERVICE_ADDRESS } from "./layout.ts";
import type { Bridge } from "./registries.ts";

export const DNS_IMAGE = "registry.k8s.io/coredns/coredns:v1.13.2";

const NAME = "coredns";
const NAMESPACE = "kube-system";

/** The cluster's DNS as a stream of manifests. Registries resolve to their bridges; nothing else outside has a name. */
export function dnsManifests(bridges: readonly Bridge[]): string {
  const labels = { "k8s-app": "kube-dns" };
  const metadata = { name: NAME, namespace: NAMESPACE };
  const manifests = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "system:coredns" },
      rules: [
        { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "system:coredns" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
      subjects: [{ kind: "ServiceAccount", name: NAME, namespace: NAMESPACE }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: corefile(bridges) } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace: NAMESPACE },
      spec: {
        clusterIP: DNS_SERVICE_ADDRESS,
        selector: labels,
        ports: [
          { name: "dns", port: 53, protocol: "UDP" },
          { name: "dns-tcp", port: 53, protocol: "TCP" },
        ],
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        strategy: { type: "Recreate" },
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec() },
      },
    },
  ];
  return manifests.map((manifest) => stringify(manifest)).join("---\n");
}

function podSpec(): object {
  return {
    serviceAccountName: NAME,
    dnsPolicy: "Default",
    priorityClassName: "system-cluster-critical",
    containers: [
      {
        name: NAME,
        image: DNS_IMAGE,
        imagePullPolicy: "IfNotPresent",
        args: ["-conf", "/etc/coredns/Corefile"],
        readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1 },
        volumeMounts: [{ name: "config", mountPath: "/etc/coredns" }],
      },
    ],
    volumes: [{ name: "config", configMap: { name: NAME } }],
  };
}

export function corefile(bridges: readonly Bridge[]): string {
  const hosts = bridges.map(({ address, host }) => `        ${address} ${host}\n`).join("");
  return `.:53 {
    errors
    ready
    cache 5
    hosts {
${hosts}        fallthrough
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    reload
}
`;
}
