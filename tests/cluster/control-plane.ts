import { join } from "node:path";
import { POD_NETWORK, SERVICE_NETWORK, type ClusterLayout, type NodeLayout } from "./layout.ts";
import type { Component } from "./node-processes.ts";

/** The components of node 1 that make it the control plane; `kube` is the program that holds them all. */
export type ControlPlane = {
  readonly etcd: Component;
  readonly apiServer: Component;
  readonly controllerManager: Component;
  readonly scheduler: Component;
};

export function controlPlane(cluster: ClusterLayout, first: NodeLayout, kube: string): ControlPlane {
  return {
    etcd: { name: "etcd", argv: [kube, "etcd", join(cluster.stateDir, "etcd")] },
    apiServer: { name: "kube-apiserver", argv: [kube, "kube-apiserver", ...apiServerFlags(cluster, first)] },
    controllerManager: {
      name: "kube-controller-manager",
      argv: [kube, "kube-controller-manager", ...controllerManagerFlags(cluster)],
    },
    scheduler: {
      name: "kube-scheduler",
      argv: [
        kube,
        "kube-scheduler",
        `--kubeconfig=${componentKubeconfig(cluster, "scheduler")}`,
        "--leader-elect=false",
      ],
    },
  };
}

/** The kubeconfig file of a component of the control plane or of a node. */
export function componentKubeconfig(cluster: ClusterLayout, certificate: string): string {
  return join(cluster.pkiDir, `${certificate}.kubeconfig`);
}

function apiServerFlags(cluster: ClusterLayout, first: NodeLayout): string[] {
  const pki = (file: string): string => join(cluster.pkiDir, file);
  return [
    "--etcd-servers=http://127.0.0.1:2379",
    `--advertise-address=${first.address}`,
    `--service-cluster-ip-range=${SERVICE_NETWORK}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    "--profiling=false",
    "--event-ttl=30m",
    `--client-ca-file=${pki("ca.crt")}`,
    `--tls-cert-file=${pki("apiserver.crt")}`,
    `--tls-private-key-file=${pki("apiserver.key")}`,
    `--kubelet-client-certificate=${pki("admin.crt")}`,
    `--kubelet-client-key=${pki("admin.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    // The nodes' names are in no DNS.
    "--kubelet-preferred-address-types=InternalIP",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${pki("service-accounts.key")}`,
    `--service-account-signing-key-file=${pki("service-accounts.key")}`,
    `--requestheader-client-ca-file=${pki("ca.crt")}`,
    "--requestheader-allowed-names=front-proxy",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${pki("front-proxy.crt")}`,
    `--proxy-client-key-file=${pki("front-proxy.key")}`,
  ];
}

function controllerManagerFlags(cluster: ClusterLayout): string[] {
  return [
    `--kubeconfig=${componentKubeconfig(cluster, "controller-manager")}`,
    "--leader-elect=false",
    // Each controller makes its own account first; at the default rate that takes four seconds.
    "--use-service-account-credentials",
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
    "--allocate-node-cidrs=false",
    `--cluster-cidr=${POD_NETWORK}`,
    `--service-account-private-key-file=${join(cluster.pkiDir, "service-accounts.key")}`,
    `--root-ca-file=${join(cluster.pkiDir, "ca.crt")}`,
    `--cluster-signing-cert-file=${join(cluster.pkiDir, "ca.crt")}`,
    `--cluster-signing-key-file=${join(cluster.pkiDir, "ca.key")}`,
  ];
}
