/** The administrator's connection to the test cluster, from the kubeconfig that it writes. */
import { readFileSync } from "node:fs";
import type { KubeConnection } from "../core/kube/types.ts";
import { asString, at } from "../core/parse.ts";

export function adminConnection(kubeconfig: string): KubeConnection {
  const config: unknown = Bun.YAML.parse(readFileSync(kubeconfig, "utf8"));
  const cluster = at(config, "clusters", 0, "cluster");
  const user = at(config, "users", 0, "user");
  const pem = (from: unknown, key: string): string => Buffer.from(asString(at(from, key)) ?? "", "base64").toString();
  return {
    server: asString(at(cluster, "server")) ?? "",
    tls: {
      ca: pem(cluster, "certificate-authority-data"),
      cert: pem(user, "client-certificate-data"),
      key: pem(user, "client-key-data"),
    },
    headers: () => Promise.resolve({}),
  };
}
