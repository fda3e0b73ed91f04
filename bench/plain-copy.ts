/** What people do without any tool: `kubectl cp`, and tar through `kubectl exec`, into a plain pod that watches as the others do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apply, developer, kubectl, kubectlOk } from "../tests/e2e/support/cluster.ts";

const SOURCES = join(import.meta.dir, "../tests/projects/inner-loop/node");
const NAMESPACE = "bench-plain-copy";
const POD = "web";
/** Keys of a ConfigMap have no slashes. */
const FILES = { server: "server.js", version: "code/version.js", image: "image.txt", page: "public/page.html" };
const COPY_MS_MAX = 120_000;

export interface PlainPod {
  readonly namespace: string;
  readonly service: string;
  /** Below `folder`, one file or a whole folder. */
  readonly cp: (folder: string, path: string) => Promise<void>;
  readonly tar: (folder: string, path: string) => Promise<void>;
  readonly remove: () => Promise<void>;
}

export async function startPlainPod(): Promise<PlainPod> {
  const { home, kubeconfig } = developer();
  // kubectl keeps a cache at home, or where it is called.
  const environment = { HOME: home, KUBECONFIG: kubeconfig, PATH: process.env["PATH"] ?? "" };
  const run = async (argv: readonly string[]): Promise<void> => {
    const child = Bun.spawn([...argv], {
      env: environment,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: COPY_MS_MAX,
    });
    const [errors, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    if (code !== 0) throw new Error(`${argv.join(" ")}: ${errors}`);
  };
  await kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"]);
  await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }]);
  await kubectlOk(["-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=20s"]);
  await apply(podObjects());
  await kubectlOk(["-n", NAMESPACE, "wait", "--for=condition=Ready", `pod/${POD}`, "--timeout=60s"]);
  return {
    namespace: NAMESPACE,
    service: POD,
    // A folder is copied into the one that is named.
    cp: async (folder, path) => {
      const target = path.split("/").slice(0, -1).join("/");
      await run(["kubectl", "cp", join(folder, path), `${NAMESPACE}/${POD}:/app/${target}`]);
    },
    tar: async (folder, path) => {
      const receive = `kubectl -n ${NAMESPACE} exec -i ${POD} -- tar xf - -C /app`;
      await run(["sh", "-c", `tar cf - -C "$0" "$1" | ${receive}`, folder, path]);
    },
    remove: async () => {
      await kubectl(["delete", "namespace", NAMESPACE, "--timeout=60s"]);
    },
  };
}

function podObjects(): readonly unknown[] {
  const labels = { app: POD };
  const metadata = { name: POD, namespace: NAMESPACE, labels };
  const data = Object.entries(FILES).map(([key, path]) => [key, readFileSync(join(SOURCES, path), "utf8")] as const);
  const items = Object.entries(FILES).map(([key, path]) => ({ key, path }));
  // On the container's own file system, as with the others.
  const start = "mkdir -p /app/data && cp -rL /sources/* /app && cd /app && exec node server.js";
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: Object.fromEntries(data) },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "web",
            image: "docker.io/library/node:20-alpine",
            command: ["sh", "-c", start],
            volumeMounts: [{ name: "sources", mountPath: "/sources" }],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
        volumes: [{ name: "sources", configMap: { name: POD, items } }],
      },
    },
  ];
}
