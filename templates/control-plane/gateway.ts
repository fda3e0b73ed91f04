/** Entry from outside: the gateway's Deployment, its Service and the IngressClasses that it serves. */
import {
  CA_CONFIG_MAP,
  COMPONENT,
  ENV,
  GATEWAY_CA_FOLDER,
  GATEWAY_TLS_FOLDER,
  INGRESS_CLASSES,
  INGRESS_CONTROLLER,
  PROGRAM,
  SERVER_PORT,
  SYSTEM_NAMESPACE,
  TOKEN_AUDIENCE,
  TOKEN_MOUNT,
} from "../../core/contract.ts";
import { formatGatewayConfig } from "../../core/gateway-config.ts";
import { clusterScoped, namespaced, selectorLabels, type Identity, type KubeObject } from "./object.ts";
import { serverDeployment } from "./server.ts";
import type { ControlPlaneSettings } from "./settings.ts";

/** Above GATEWAY_LEAVE_MS and GATEWAY_DRAIN_MS_MAX together. */
const GRACE_S = 30;
/** The kubelet renews it when four fifths of this are over. */
const TOKEN_S = 3_600;

/** Each cloud reads its own and ignores the others'. */
const INTERNAL_LOAD_BALANCER: Readonly<Record<string, string>> = {
  "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
  "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
  "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
  "networking.gke.io/load-balancer-type": "Internal",
  "cloud.google.com/load-balancer-type": "Internal",
  "service.beta.kubernetes.io/openstack-internal-load-balancer": "true",
  "service.beta.kubernetes.io/oci-load-balancer-internal": "true",
  "service.beta.kubernetes.io/do-loadbalancer-network": "INTERNAL",
  "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": "private",
  "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type": "intranet",
};

/** Also what `--endpoint none` takes away. */
export function gateway(settings: ControlPlaneSettings): readonly KubeObject[] {
  const identity: Identity = { name: COMPONENT.gateway, component: "gateway", version: settings.version };
  return [
    // No role is bound to it: it lives of the route feed.
    { apiVersion: "v1", kind: "ServiceAccount", metadata: namespaced(identity), automountServiceAccountToken: false },
    service(identity, settings),
    ...INGRESS_CLASSES.map((name) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: clusterScoped({ ...identity, name }),
      spec: { controller: INGRESS_CONTROLLER },
    })),
    ...serverDeployment(
      {
        identity,
        program: PROGRAM.gateway,
        port: SERVER_PORT.gatewayHttps,
        env: { [ENV.gateway]: configOf(settings) },
      },
      settings,
      {
        graceS: GRACE_S,
        ports: [{ name: "http", containerPort: SERVER_PORT.gatewayHttp, protocol: "TCP" }],
        mounts: [
          { name: "token", mountPath: TOKEN_MOUNT, readOnly: true },
          { name: "ca", mountPath: GATEWAY_CA_FOLDER, readOnly: true },
          ...(settings.tlsSecret === "" ? [] : [{ name: "tls", mountPath: GATEWAY_TLS_FOLDER, readOnly: true }]),
        ],
        volumes: volumes(settings),
      },
    ),
  ];
}

function configOf({ hostSuffix, clusterDomain, trustExternalHeader }: ControlPlaneSettings): string {
  const controller = `${COMPONENT.controller}.${SYSTEM_NAMESPACE}.svc.${clusterDomain}.`;
  return formatGatewayConfig({ hostSuffix, controller, trustExternalHeader });
}

function service(identity: Identity, { endpoint }: ControlPlaneSettings): KubeObject {
  const metadata = namespaced(identity);
  const annotations = endpoint === "private" ? { annotations: INTERNAL_LOAD_BALANCER } : {};
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, ...annotations },
    spec: {
      type: "LoadBalancer",
      selector: selectorLabels(identity.component),
      ports: [
        { name: "http", port: 80, targetPort: SERVER_PORT.gatewayHttp, protocol: "TCP" },
        { name: "https", port: 443, targetPort: SERVER_PORT.gatewayHttps, protocol: "TCP" },
      ],
    },
  };
}

function volumes({ tlsSecret }: ControlPlaneSettings): readonly object[] {
  const token = { serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_S, path: "token" } };
  return [
    { name: "token", projected: { sources: [token] } },
    { name: "ca", configMap: { name: CA_CONFIG_MAP } },
    // A Secret that is deleted later must not keep a new pod from serving HTTP.
    ...(tlsSecret === "" ? [] : [{ name: "tls", secret: { secretName: tlsSecret, optional: true } }]),
  ];
}
