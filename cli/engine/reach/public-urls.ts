/** URLs of a service through the gateway: pending until it has an address, then available. */
import { LOCAL_HOST_SUFFIX } from "../../../core/contract.ts";
import { GATEWAY_ADDRESS_POLL_MS } from "../../../core/limits.ts";
import { findGateway } from "../../cluster/gateway.ts";
import type { Context } from "../../context.ts";
import { spaceUrl } from "../../spaces/url.ts";
import type { Prepared } from "../run/prepare.ts";

/** Says what is true now, and what becomes true later, until the signal. Never rejects. */
export async function announcePublicUrls(
  prepared: Pick<Prepared, "cluster" | "space" | "hostSuffix" | "tls">,
  services: ReadonlySet<string>,
  context: Context,
): Promise<void> {
  const { space, hostSuffix: suffix, tls } = prepared;
  if (suffix === LOCAL_HOST_SUFFIX || services.size === 0) return;
  const isRoot = space.ancestors.length === 0;
  const say = (status: "available" | "pending", why: string): void => {
    for (const service of services) {
      const url = spaceUrl({ space: isRoot ? space.root : space.name, root: space.root, service, suffix, tls });
      context.emit({ type: "url", service, url, status, text: `Service '${service}' is ${status} at ${url}${why}` });
    }
  };
  let isSaid = false;
  while (!context.signal.aborted) {
    const gateway = await findGateway(prepared.cluster, context.signal).catch(() => undefined);
    if (gateway?.kind === "none") return;
    if (gateway?.kind === "available") return say("available", "");
    if (gateway?.kind === "pending" && !isSaid) {
      isSaid = true;
      say("pending", `: ${gateway.why}`);
    }
    await context.host.clock.sleep(GATEWAY_ADDRESS_POLL_MS, context.signal).catch(() => undefined);
  }
}
