/** A Gateway API that nobody here wrote: Traefik in a pod, set up as its documentation tells an operator. */
import { homedir } from "node:os";
import { join } from "node:path";
import { buildExtra, moduleSources } from "../../cluster/programs.ts";
import { createSteps } from "../../cluster/steps.ts";
import { apply, kubectl, kubectlOk, type RunningCommand, startKubectl } from "./cluster.ts";

/** Of Traefik and its Gateway. */
export const GATEWAY_NAMESPACE = "own-gateway";
export const GATEWAY = "main";
/** Of the pod; a listener is served where its port is that of an entry point. */
export const LISTENER_PORT = { web: 8000, own: 8001 } as const;

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "azds-test-cluster");
const CLASS = "traefik";
const GATEWAY_API = "gateway.networking.k8s.io/v1";
const ACCOUNT = "traefik";

export interface Traefik extends AsyncDisposable {
  /** Of this machine, by listener. */
  readonly ports: Readonly<Record<keyof typeof LISTENER_PORT, number>>;
}

/** Serves the Gateway `own-gateway/main`: its listener `web` for all namespaces, `own` for its own alone. */
export async function startTraefik(): Promise<Traefik> {
  const steps = createSteps((text) => void process.stderr.write(text));
  const executable = await buildExtra("traefik", CACHE, steps);
  const [definitions, rights] = await manifests();
  await kubectlOk(["apply", "--server-side", "-f", definitions]);
  await kubectlOk(["wait", "--for=condition=Established", "-f", definitions, "--timeout=60s"]);
  await kubectlOk(["apply", "-f", rights]);
  await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: GATEWAY_NAMESPACE } }]);
  await apply([...accountObjects(), podOf(executable), ...gatewayObjects()]);
  await kubectlOk(["-n", GATEWAY_NAMESPACE, "wait", "--for=condition=Ready", "pod/traefik", "--timeout=90s"]);
  const forward = startKubectl([
    "-n",
    GATEWAY_NAMESPACE,
    "port-forward",
    "pod/traefik",
    ...Object.values(LISTENER_PORT).map((port) => `:${port}`),
  ]);
  const ports = { web: await localPort(forward, LISTENER_PORT.web), own: await localPort(forward, LISTENER_PORT.own) };
  return {
    ports,
    [Symbol.asyncDispose]: async () => {
      await forward.stop();
      await removeTraefik();
    },
  };
}

/** Also what a killed run has left. */
export async function removeTraefik(): Promise<void> {
  const [definitions, rights] = await manifests();
  await kubectl(["delete", "clusterrolebinding", "own-gateway", "--ignore-not-found"]);
  await kubectl(["delete", "namespace", GATEWAY_NAMESPACE, "--ignore-not-found"]);
  await kubectl(["delete", "-f", rights, "--ignore-not-found"]);
  await kubectl(["delete", "-f", definitions, "--ignore-not-found"]);
}

/** The kinds of the Gateway API, and what Traefik may do with them. */
async function manifests(): Promise<readonly [string, string]> {
  const gatewayApi = await moduleSources("traefik", "sigs.k8s.io/gateway-api");
  const traefik = await moduleSources("traefik", "github.com/traefik/traefik/v3");
  const rights = "docs/content/reference/dynamic-configuration/kubernetes-gateway-rbac.yml";
  return [join(gatewayApi, "config/crd/standard"), join(traefik, rights)];
}

async function localPort(forward: RunningCommand, port: number): Promise<number> {
  const pattern = new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${port}`);
  return Number(pattern.exec(await forward.until(pattern))?.[1]);
}

function accountObjects(): readonly object[] {
  const subject = { kind: "ServiceAccount", name: ACCOUNT, namespace: GATEWAY_NAMESPACE };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: ACCOUNT, namespace: GATEWAY_NAMESPACE } },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "own-gateway" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "gateway-role" },
      subjects: [subject],
    },
  ];
}

/** A node sees this machine's files; the image brings the C library that Traefik was linked against. */
function podOf(executable: string): object {
  const entryPoints = Object.entries(LISTENER_PORT).map(([name, port]) => `--entryPoints.${name}.address=:${port}`);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "traefik", namespace: GATEWAY_NAMESPACE },
    spec: {
      serviceAccountName: ACCOUNT,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "traefik",
          image: "docker.io/library/node:20-alpine",
          imagePullPolicy: "IfNotPresent",
          command: ["/traefik", "--providers.kubernetesGateway=true", ...entryPoints],
          args: ["--global.checkNewVersion=false", "--global.sendAnonymousUsage=false", "--log.level=INFO"],
          volumeMounts: [{ name: "executable", mountPath: "/traefik", readOnly: true }],
          readinessProbe: { tcpSocket: { port: LISTENER_PORT.web }, periodSeconds: 1 },
        },
      ],
      volumes: [{ name: "executable", hostPath: { path: executable, type: "File" } }],
    },
  };
}

function gatewayObjects(): readonly object[] {
  const listener = (name: keyof typeof LISTENER_PORT, over: object): object => {
    return { name, port: LISTENER_PORT[name], protocol: "HTTP", ...over };
  };
  const listeners = [
    listener("web", { hostname: "*.example.test", allowedRoutes: { namespaces: { from: "All" } } }),
    listener("own", {}),
  ];
  return [
    {
      apiVersion: GATEWAY_API,
      kind: "GatewayClass",
      metadata: { name: CLASS },
      spec: { controllerName: "traefik.io/gateway-controller" },
    },
    {
      apiVersion: GATEWAY_API,
      kind: "Gateway",
      metadata: { name: GATEWAY, namespace: GATEWAY_NAMESPACE },
      spec: { gatewayClassName: CLASS, listeners },
    },
  ];
}
