import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { CONTEXT_NAME, type ClusterLayout } from "./layout.ts";

export type KubeconfigIdentity = {
  /** Certificate and key NAME.crt, NAME.key in the pki folder. */
  readonly certificate: string;
  readonly user: string;
  readonly server: string;
};

/** A kubeconfig with everything embedded, so that the file works from anywhere. */
export function kubeconfigText(cluster: Pick<ClusterLayout, "pkiDir">, identity: KubeconfigIdentity): string {
  const embedded = (file: string): string => readFileSync(join(cluster.pkiDir, file)).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": CONTEXT_NAME,
    clusters: [
      { name: CONTEXT_NAME, cluster: { server: identity.server, "certificate-authority-data": embedded("ca.crt") } },
    ],
    contexts: [{ name: CONTEXT_NAME, context: { cluster: CONTEXT_NAME, user: identity.user } }],
    users: [
      {
        name: identity.user,
        user: {
          "client-certificate-data": embedded(`${identity.certificate}.crt`),
          "client-key-data": embedded(`${identity.certificate}.key`),
        },
      },
    ],
  });
}

export function writeKubeconfig(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}

/** The API server's URL in a kubeconfig of ours; undefined when there is no such file. */
export async function serverOf(kubeconfig: string): Promise<string | undefined> {
  const file = Bun.file(kubeconfig);
  return (await file.exists()) ? /^\s*server: (\S+)$/m.exec(await file.text())?.[1] : undefined;
}
