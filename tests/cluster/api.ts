import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterLayout } from "./layout.ts";

const REQUEST_MS = 5000;

/** The little of the Kubernetes API that bringing up a cluster needs, as its administrator. */
export type Api = {
  /** The answer's body, or undefined when the server cannot be reached or says no. */
  readonly get: (path: string) => Promise<string | undefined>;
};

export function connectApi(cluster: ClusterLayout, server: string): Api {
  const read = (file: string): string => readFileSync(join(cluster.pkiDir, file), "utf8");
  const tls = { ca: read("ca.crt"), cert: read("admin.crt"), key: read("admin.key") };
  return {
    async get(path) {
      try {
        const answer = await fetch(`${server}${path}`, { tls, signal: AbortSignal.timeout(REQUEST_MS) });
        const body = await answer.text();
        return answer.ok ? body : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** Names of the nodes that report the condition Ready. */
export async function readyNodes(api: Api): Promise<string[]> {
  const body = await api.get("/api/v1/nodes");
  if (body === undefined) return [];
  const list = JSON.parse(body) as { items: { metadata: { name: string }; status: { conditions?: Condition[] } }[] };
  return list.items.filter(({ status }) => isTrue(status.conditions, "Ready")).map(({ metadata }) => metadata.name);
}

export async function dnsIsReady(api: Api): Promise<boolean> {
  const body = await api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns");
  if (body === undefined) return false;
  const deployment = JSON.parse(body) as { status: { conditions?: Condition[]; readyReplicas?: number } };
  return (deployment.status.readyReplicas ?? 0) > 0;
}

type Condition = { readonly type: string; readonly status: string };

function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}
