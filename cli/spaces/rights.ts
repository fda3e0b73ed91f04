/** Rights in a new space: the controller binds its creator, a moment after the namespace is there. */
import { POLL_MS, SPACE_RIGHTS_MS_MAX } from "../../core/limits.ts";
import type { Cluster, Right } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";

/** Returns as soon as the user may work in the space; says so when that does not come about. */
export async function waitForRights({ host, emit, signal }: Context, cluster: Cluster, space: string): Promise<void> {
  const right: Right = { verb: "create", group: "apps", resource: "deployments", namespace: space };
  const until = host.clock.now() + SPACE_RIGHTS_MS_MAX;
  for (;;) {
    if (await cluster.reviews.allowed(right, signal)) return;
    if (host.clock.now() >= until) break;
    await host.clock.sleep(POLL_MS, signal);
  }
  const text = `You may not create deployments in dev space '${space}' yet; \`azds cluster status\` shows whether the controller runs`;
  emit({ type: "message", level: "warning", text });
}
