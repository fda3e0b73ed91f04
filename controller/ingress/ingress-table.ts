/** What the gateway is told of the Ingresses of its class. Every replica keeps it, as every replica feeds gateways. */
import { certificateOfSecret } from "../../core/host/certificate.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import { type Ingress, recordOfIngress } from "../../core/ingress.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { RECONCILE_DELAY_MS, RECONCILE_MS } from "../../core/limits.ts";
import type { IngressCertificate, IngressRecord } from "../../core/route-table.ts";
import { aborted } from "../aborted.ts";
import type { RouteIndex } from "../index/route-index.ts";
import type { Bell } from "../reconcile/bell.ts";

export interface IngressTableOptions {
  readonly kube: KubeClient;
  readonly index: RouteIndex;
  /** Rings when an Ingress changed. */
  readonly bell: Bell;
  readonly clock: Clock;
  readonly log: Log;
  readonly synced: Promise<void>;
  /** Called when the gateway is to be told. */
  readonly changed: () => void;
}

/** At once, after each ring, and every RECONCILE_MS for the sake of renewed Secrets. Never rejects. */
export async function keepIngressTable(options: IngressTableOptions, signal: AbortSignal): Promise<void> {
  const { index, bell, log } = options;
  await Promise.race([options.synced, aborted(signal)]);
  while (!signal.aborted) {
    try {
      if (index.setIngressTable(await readTable(options, signal))) options.changed();
    } catch (error) {
      if (!signal.aborted) log("warn", "Ingresses could not be read", { error: String(error) });
    }
    await bell.wait(RECONCILE_MS, signal);
    await options.clock.sleep(RECONCILE_DELAY_MS, signal).catch(() => undefined);
  }
}

async function readTable({ kube, index }: IngressTableOptions, signal: AbortSignal): Promise<readonly IngressRecord[]> {
  const served = index.ingresses().filter(({ ours, namespace }) => ours && index.rootOf(namespace) !== undefined);
  const records = await Promise.all(
    served.map(async (ingress) => recordOfIngress(ingress, await certificatesOf(kube, ingress, signal))),
  );
  return records.toSorted((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
}

/** A Secret that is missing or no valid pair gives no certificate: the gateway's default stands in. */
async function certificatesOf(
  kube: KubeClient,
  ingress: Ingress,
  signal: AbortSignal,
): Promise<readonly IngressCertificate[]> {
  const found = await Promise.all(
    ingress.tls
      .filter(({ secret }) => secret !== "")
      .map(async ({ hosts, secret }) => {
        const path = `/api/v1/namespaces/${ingress.namespace}/secrets/${secret}`;
        const pair = certificateOfSecret(await kube.find(path, signal));
        return pair === undefined ? [] : [{ hosts, cert: pair.cert, key: pair.key }];
      }),
  );
  return found.flat();
}
