/** Services of a chain a → b → c that answer with the names of all that a request touched. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apply, kubectlOk, type RunningCommand, startKubectl } from "./cluster.ts";

const SERVER = readFileSync(join(import.meta.dir, "../../projects/chain/server.js"), "utf8");
const CLIENT_NAMESPACE = "e2e-client";

export interface Link {
  readonly space: string;
  readonly service: string;
  /** Host name asked next, as the application writes it. */
  readonly next?: string;
  /** Fields of the pod's `spec` over its defaults. */
  readonly spec?: object;
  /** Fields of the container over its defaults. */
  readonly container?: object;
}

/** What a container must say to be admitted at the Pod Security level *restricted*, whose image runs as no root. */
export const RESTRICTED = {
  securityContext: {
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  },
};

/** As a pipeline deploys it: plain manifests, no azds; the pod answers `<service>.<space>`. */
export async function deployLinks(links: readonly Link[]): Promise<void> {
  await apply(links.flatMap(linkObjects));
  await Promise.all(
    links.map(async (link) =>
      kubectlOk(["-n", link.space, "rollout", "status", "deployment", link.service, "--timeout=90s"]),
    ),
  );
}

export async function scaleLink(link: Link, replicas: number): Promise<void> {
  await kubectlOk(["-n", link.space, "scale", "deployment", link.service, `--replicas=${replicas}`]);
  const wait =
    replicas > 0
      ? ["rollout", "status", "deployment", link.service]
      : ["wait", "--for=delete", "pod", "-l", `app=${link.service}`];
  await kubectlOk(["-n", link.space, ...wait, "--timeout=90s"]);
}

export async function removeLink(link: Link): Promise<void> {
  await kubectlOk(["-n", link.space, "delete", "deployment,service,configmap", link.service, "--wait=false"]);
  await kubectlOk(["-n", link.space, "wait", "--for=delete", "pod", "-l", `app=${link.service}`, "--timeout=90s"]);
}

/** A pod outside every space, from which requests enter. */
export async function deployClient(): Promise<void> {
  await apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: CLIENT_NAMESPACE } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "client", namespace: CLIENT_NAMESPACE },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "client",
            image: "docker.io/library/node:20-alpine",
            imagePullPolicy: "IfNotPresent",
            command: ["sleep", "100000"],
          },
        ],
      },
    },
  ]);
  await kubectlOk(["-n", CLIENT_NAMESPACE, "wait", "--for=condition=Ready", "pod/client", "--timeout=60s"]);
}

const ASK = `const [url, headers] = process.argv.slice(1);
fetch(url, { headers: JSON.parse(headers) }).then(async (r) => console.log(r.status, await r.text()), (e) => console.log("error", e.cause?.code ?? e.message));`;

/** Runs a program of Node.js in the client; the caller ends it. */
export function startClient(program: string, args: readonly string[]): RunningCommand {
  return startKubectl(["-n", CLIENT_NAMESPACE, "exec", "client", "--", "node", "-e", program, ...args]);
}

/** Status and body as the client saw them, for example `200 ["a.dev","b.dev"]`. */
export async function ask(
  url: string,
  routeAs?: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<string> {
  const headers = { ...fields, ...(routeAs === undefined ? {} : { "azds-route-as": routeAs }) };
  const answer = await kubectlOk([
    "-n",
    CLIENT_NAMESPACE,
    "exec",
    "client",
    "--",
    "node",
    "-e",
    ASK,
    url,
    JSON.stringify(headers),
  ]);
  return answer.trim();
}

function linkObjects(link: Link): readonly unknown[] {
  const metadata = { name: link.service, namespace: link.space };
  const description = { name: `${link.service}.${link.space}`, next: link.next };
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { "server.js": SERVER, "service.json": JSON.stringify(description) },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: { app: link.service }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        selector: { matchLabels: { app: link.service } },
        template: {
          metadata: { labels: { app: link.service } },
          spec: {
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                name: "app",
                image: "docker.io/library/node:20-alpine",
                imagePullPolicy: "IfNotPresent",
                workingDir: "/app",
                command: ["node", "server.js"],
                env: [{ name: "PORT", value: "8080" }],
                readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
                volumeMounts: [{ name: "app", mountPath: "/app" }],
                ...link.container,
              },
            ],
            volumes: [{ name: "app", configMap: { name: link.service } }],
            ...link.spec,
          },
        },
      },
    },
  ];
}
