/** The gateway's Service, as every user of a cluster may see it. */
import { COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { objectPath } from "../../core/kube/paths.ts";
import { KubeError } from "../../core/kube/types.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import type { Cluster } from "./cluster.ts";

export type GatewayState =
  | { readonly kind: "none" }
  /** Its Service has no address yet. */
  | { readonly kind: "pending"; readonly why: string }
  | { readonly kind: "available"; readonly address: string };

/** Somebody without the right to look, as azds of an earlier version gave it to nobody, sees none. */
export async function findGateway({ kube }: Cluster, signal: AbortSignal): Promise<GatewayState> {
  const path = objectPath({ apiVersion: "v1", kind: "Service" }, SYSTEM_NAMESPACE, COMPONENT.gateway);
  try {
    return gatewayState(await kube.find(path, signal));
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return { kind: "none" };
    throw error;
  }
}

export function gatewayState(service: unknown): GatewayState {
  if (service === undefined) return { kind: "none" };
  const [first] = asArray(at(service, "status", "loadBalancer", "ingress"));
  const address = asString(at(first, "hostname")) ?? asString(at(first, "ip"));
  if (address !== undefined) return { kind: "available", address };
  const why = `the Service \`${COMPONENT.gateway}\` has no address: the cluster's load balancer has not given it one yet, or there is none`;
  return { kind: "pending", why };
}
