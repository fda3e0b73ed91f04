/** `status.loadBalancer` of the Ingresses that the gateway serves: the address of the gateway's own Service. */
import { isDeepStrictEqual } from "node:util";
import { COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import { eachOf } from "../reconcile/each-of.ts";
import type { ReconcileContext } from "../reconcile/reconcile.ts";

const SERVICE = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/services/${COMPONENT.gateway}`;

/** Without a gateway nothing is written. Rejects when its Service cannot be read. */
export async function reconcileIngressStatus(
  { kube, index, log }: ReconcileContext,
  signal: AbortSignal,
): Promise<void> {
  const service = await kube.find(SERVICE, signal);
  if (service === undefined) return;
  const addresses = addressesOf(service);
  const stale = index
    .ingresses()
    .filter(({ ours, namespace }) => ours && index.rootOf(namespace) !== undefined)
    .filter((ingress) => !isDeepStrictEqual(ingress.addresses, addresses));
  await eachOf(
    stale,
    async ({ namespace, name }) => {
      await kube.request({
        method: "PATCH",
        path: `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/${name}/status`,
        contentType: "application/merge-patch+json",
        body: { status: { loadBalancer: { ingress: addresses } } },
        signal,
      });
    },
    log,
  );
}

/** As an Ingress has them: without the fields that only a Service's status knows. */
function addressesOf(service: unknown): readonly object[] {
  return asArray(at(service, "status", "loadBalancer", "ingress")).flatMap((entry) => {
    const ip = asString(at(entry, "ip"));
    const hostname = asString(at(entry, "hostname"));
    if (ip === undefined && hostname === undefined) return [];
    return [{ ...(ip === undefined ? {} : { ip }), ...(hostname === undefined ? {} : { hostname }) }];
  });
}
