import { readFile } from "node:fs/promises";
import { AzdsError } from "../errors.ts";
import type { KubeConnection } from "./types.ts";

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The API server as the pod's service account sees it. The token is read for each request: the kubelet renews it.
 * @param env with KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT
 * @param folder with `ca.crt` and `token`
 * @throws AzdsError KUBECONFIG_INVALID outside a pod or without a mounted service account
 */
export async function inClusterConnection(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = SERVICE_ACCOUNT_FOLDER,
): Promise<KubeConnection> {
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host === undefined || host === "")
    throw new AzdsError("KUBECONFIG_INVALID", "`KUBERNETES_SERVICE_HOST` is not set: this is no pod");
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(`${folder}/${name}`, "utf8");
    } catch (cause) {
      throw new AzdsError("KUBECONFIG_INVALID", `The service account's \`${name}\` cannot be read`, { cause });
    }
  };
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    tls: { ca: await read("ca.crt") },
    headers: async () => ({ authorization: `Bearer ${(await read("token")).trim()}` }),
  };
}
