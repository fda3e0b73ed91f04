/** Objects that the tests of the gateway put into spaces. */
import { expect } from "bun:test";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { issueServer, makeAuthority } from "../../../controller/certificates/pki.ts";
import { apply, CLUSTER, kubectlOk } from "./cluster.ts";

/** Answers with its name, the path and the headers; a WebSocket handshake is answered, and what follows sent back. */
const SERVER = `const http = require("http");
const server = http.createServer((q, r) => r.end(JSON.stringify({ from: process.env.NAME, url: q.url, headers: q.headers })));
server.on("upgrade", (q, s, head) => { s.write("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n"); s.write(head); s.pipe(s); });
server.listen(8080);`;

/** Service and ready pod `<name>.<namespace>`. */
export async function deployEcho(namespace: string, name: string): Promise<void> {
  await apply([
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "app",
            image: "docker.io/library/node:20-alpine",
            imagePullPolicy: "IfNotPresent",
            command: ["node", "-e", SERVER],
            env: [{ name: "NAME", value: `${name}.${namespace}` }],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  ]);
  await kubectlOk(["-n", namespace, "wait", "--for=condition=Ready", `pod/${name}`, "--timeout=90s"]);
}

const EVENTUALLY_MS_MAX = 15_000;

/** A change reaches controller, gateway and sidecars a moment after kubectl returns. */
export async function eventuallyEqual(
  look: () => Promise<string>,
  expected: string,
  withinMs = EVENTUALLY_MS_MAX,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  let seen = await look();
  while (seen !== expected && Date.now() < deadline) {
    await Bun.sleep(200);
    seen = await look();
  }
  expect(seen).toBe(expected);
}

/** `pod/<name>` of the newest gateway. */
export async function servingPod(): Promise<string> {
  const pods = ["-n", "azds", "get", "pods", "-l", "app.kubernetes.io/component=gateway"];
  const newest = ["--sort-by=.metadata.creationTimestamp", "-o", "name"];
  return (await kubectlOk([...pods, ...newest])).trim().split("\n").at(-1) ?? "";
}

/** The words of a kubectl that stays. */
export function kubectlCommand(args: readonly string[]): readonly string[] {
  return ["kubectl", "--kubeconfig", join(CLUSTER, "kubeconfig"), "--context", "azds-test", ...args];
}

export interface IngressPlan {
  readonly name: string;
  readonly className: string;
  readonly host: string;
  readonly paths: readonly { readonly path: string; readonly pathType: string; readonly service: string }[];
  readonly tls?: string;
}

/** In the space `entry`. */
export function ingress({ name, className, host, paths, tls }: IngressPlan): object {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace: "entry", annotations: { "kubernetes.io/ingress.class": className } },
    spec: {
      rules: [
        {
          host,
          ...(paths.length === 0
            ? {}
            : {
                http: {
                  paths: paths.map(({ path, pathType, service }) => ({
                    path,
                    pathType,
                    backend: { service: { name: service, port: { name: "http" } } },
                  })),
                },
              }),
        },
      ],
      ...(tls === undefined ? {} : { tls: [{ hosts: [host], secretName: tls }] }),
    },
  };
}

/** In the space `entry`, served by `ownGateway()`. */
export function route(host: string): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "own", namespace: "entry" },
    spec: {
      parentRefs: [{ name: "own" }],
      hostnames: [host],
      rules: [{ backendRefs: [{ name: "web", port: 80 }] }],
    },
  };
}

/** In the space `entry`; nobody implements it. */
export function ownGateway(hostname: string): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "own", namespace: "entry" },
    spec: { gatewayClassName: "nobody", listeners: [{ name: "http", port: 80, protocol: "HTTP", hostname }] },
  };
}

/** The parts of the Gateway API that matter here. */
export const GATEWAY_API = [crd("Gateway"), crd("HTTPRoute")] as const;

/** `<plural>.<group>` of these. */
export const GATEWAY_API_NAMES = ["gateways", "httproutes"].map((plural) => `${plural}.gateway.networking.k8s.io`);

function crd(kind: string): object {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.gateway.networking.k8s.io`,
      annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/2997" },
    },
    spec: {
      group: "gateway.networking.k8s.io",
      names: { kind, listKind: `${kind}List`, plural, singular },
      scope: "Namespaced",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
            },
          },
        },
      ],
    },
  };
}

export interface TestCertificate {
  /** The TLS Secret. */
  readonly secret: object;
  /** PEM. */
  readonly authority: string;
  /** SHA-256, as Node writes it. */
  readonly fingerprint: string;
}

export async function gatewayCertificate(namespace: string, name: string, host: string): Promise<TestCertificate> {
  const authority = await makeAuthority(Date.now());
  const { cert, key } = await issueServer(authority, [host], Date.now());
  return {
    secret: {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: { name, namespace },
      data: { "tls.crt": btoa(cert), "tls.key": btoa(key) },
    },
    authority: authority.cert,
    fingerprint: new X509Certificate(cert).fingerprint256,
  };
}
