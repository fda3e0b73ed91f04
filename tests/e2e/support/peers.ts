/** Pairs of programs that speak many protocols to each other: tests/projects/peers as pods. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { issueServer, makeAuthority } from "../../../controller/certificates/pki.ts";
import { apply, kubectlOk } from "./cluster.ts";

const FOLDER = join(import.meta.dir, "../../projects/peers");

/** Service ports by what listens there; 4999 is a port of the Service that no process serves. */
const PORTS = [3306, 13306, 6379, 16379, 4000, 4001, 4999, 8443] as const;

/** Where a case connects to; `routeAs` travels as the routing header. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly routeAs?: string;
}

/** A certificate for the host name `peers`, and the authority that signed it: nobody else knows either. PEM. */
export interface PeerCertificate {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
}

export async function makePeerCertificate(): Promise<PeerCertificate> {
  const authority = await makeAuthority(Date.now());
  return { authority: authority.cert, ...(await issueServer(authority, ["peers"], Date.now())) };
}

/** The servers as pod `server` behind the Services `peers` and `front`, and a pod `client`, all within reach of another. */
export async function deployPeers(namespaces: readonly string[], certificate: PeerCertificate): Promise<void> {
  await apply(namespaces.flatMap((namespace) => peerObjects(namespace, certificate)));
  await Promise.all(
    namespaces.map(async (namespace) =>
      kubectlOk(["-n", namespace, "wait", "--for=condition=Ready", "pod/server", "pod/client", "--timeout=90s"]),
    ),
  );
  const hosts = namespaces.flatMap((namespace) => [`peers.${namespace}`, `front.${namespace}`]);
  const pairs = namespaces.flatMap((from) => hosts.map((host) => ({ from, target: { host, port: 80 } })));
  await Promise.all(pairs.map(async ({ from, target }) => runCase(from, "reachable", target)));
}

/** Connections that the pod's sidecar has accepted so far. */
export async function sidecarConnections(namespace: string, pod: "client" | "server"): Promise<number> {
  const metrics = await kubectlOk(["get", "--raw", `/api/v1/namespaces/${namespace}/pods/${pod}:19020/proxy/metrics`]);
  return Number(/^azds_proxy_connections_total (\d+)$/m.exec(metrics)?.[1]);
}

/** Result of one case of client.js, run in the pod `client` of the namespace; text when it failed or hung. */
export async function runCase(namespace: string, name: string, target: Target): Promise<unknown> {
  const program = ["node", "client.js", name, JSON.stringify(target)];
  return JSON.parse(await kubectlOk(["-n", namespace, "exec", "client", "--", ...program]));
}

function peerObjects(namespace: string, certificate: PeerCertificate): readonly unknown[] {
  const programs = readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), "utf8")] as const);
  const data = {
    ...Object.fromEntries(programs),
    "ca.crt": certificate.authority,
    "tls.crt": certificate.cert,
    "tls.key": certificate.key,
  };
  const ready = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "peers", namespace }, data },
    ...["peers", "front"].map((name) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: {
        selector: { app: "server" },
        ports: [
          { name: "http", port: 80, targetPort: 8080 },
          { name: "unnamed", port: 8000, targetPort: 18_080 },
          ...PORTS.map((port) => ({ name: `p${port}`, port })),
        ],
      },
    })),
    podObject(namespace, "server", { command: ["node", "server.js"], readinessProbe: ready }),
    podObject(namespace, "client", { command: ["sleep", "100000"] }),
  ];
}

function podObject(namespace: string, name: string, container: object): unknown {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "app",
          image: "docker.io/library/node:20-alpine",
          imagePullPolicy: "IfNotPresent",
          workingDir: "/app",
          env: [{ name: "SPACE", value: namespace }],
          volumeMounts: [{ name: "app", mountPath: "/app" }],
          ...container,
        },
      ],
      volumes: [{ name: "app", configMap: { name: "peers" } }],
    },
  };
}
