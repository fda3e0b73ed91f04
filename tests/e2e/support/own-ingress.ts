/** An ingress controller that nobody here wrote: nginx of this machine in a pod, set up as its operator would. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installMissingPackages } from "../../cluster/packages.ts";
import { createSteps } from "../../cluster/steps.ts";
import { apply, kubectl, kubectlOk, type RunningCommand, startKubectl } from "./cluster.ts";

const NAMESPACE = "own-ingress";
const PORT = 8080;

export interface OwnIngress {
  /** On this machine. */
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** All hosts lead to one Service, by its cluster IP, with the host as the client wrote it. */
export async function startOwnIngress(clusterIp: string): Promise<OwnIngress> {
  await installMissingPackages(
    createSteps((text) => process.stderr.write(text)),
    [{ file: "nginx", debianPackage: "nginx-light" }],
  );
  const folder = mkdtempSync(join(tmpdir(), "azds-own-ingress-"));
  const config = join(folder, "nginx.conf");
  writeFileSync(config, configOf(folder, clusterIp));
  await kubectl(["create", "namespace", NAMESPACE]);
  await apply([podOf(config)]);
  await kubectlOk(["-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/nginx", "--timeout=60s"]);
  const forward: RunningCommand = startKubectl(["-n", NAMESPACE, "port-forward", "pod/nginx", `:${PORT}`]);
  const said = await forward.until(/127\.0\.0\.1:\d+ -> /);
  return {
    port: Number(/127\.0\.0\.1:(?<port>\d+) -> /.exec(said)?.groups?.["port"]),
    stop: async () => {
      await forward.stop();
      await kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
    },
  };
}

function configOf(folder: string, clusterIp: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `user root;
daemon off;
pid ${folder}/pid;
error_log stderr;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  server {
    listen ${PORT};
    location / { proxy_pass http://${clusterIp}; proxy_set_header Host $http_host; }
  }
}
`;
}

/** A node sees this machine's programs and temporary files. */
function podOf(config: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "nginx", namespace: NAMESPACE },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "nginx",
          image: "docker.io/library/alpine:3.20",
          imagePullPolicy: "IfNotPresent",
          command: ["chroot", "/machine", "nginx", "-e", "stderr", "-c", config],
          volumeMounts: [{ name: "machine", mountPath: "/machine" }],
          readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
        },
      ],
      volumes: [{ name: "machine", hostPath: { path: "/" } }],
    },
  };
}

/** The words of a command for which these hosts are this machine, as DNS would say it of an entry that can be reached. */
export function withHosts(hosts: readonly string[], argv: readonly string[]): readonly string[] {
  const file = join(mkdtempSync(join(tmpdir(), "azds-hosts-")), "hosts");
  writeFileSync(file, `127.0.0.1 localhost ${hosts.join(" ")}\n`);
  return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', file, ...argv];
}
