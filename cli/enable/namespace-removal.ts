/** Deletes the namespace `azds` and waits until it is really gone: until then nothing new can be made in it. */
import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { NAMESPACE_REMOVAL_MS_MAX } from "../../core/limits.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Ports } from "./ports.ts";

export const SYSTEM_NAMESPACE_PATH = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;
/** The end shows only by asking; a watch would have to be asked as well after each break. */
const ASK_AGAIN_MS = 200;

export async function removeNamespace(cluster: Cluster, signal: AbortSignal): Promise<void> {
  await cluster.kube.remove(SYSTEM_NAMESPACE_PATH, { signal });
}

/** @throws AzdsError COMPONENT_NOT_READY when a finalizer or a node holds it for too long */
export async function untilNamespaceIsGone({
  cluster,
  clock,
  signal,
}: Pick<Ports, "cluster" | "clock" | "signal">): Promise<void> {
  const end = clock.now() + NAMESPACE_REMOVAL_MS_MAX;
  while ((await cluster.kube.find(SYSTEM_NAMESPACE_PATH, signal)) !== undefined) {
    if (clock.now() > end) {
      const seconds = NAMESPACE_REMOVAL_MS_MAX / 1000;
      throw new AzdsError(
        "COMPONENT_NOT_READY",
        `The namespace \`${SYSTEM_NAMESPACE}\` is still being deleted after ${seconds}s`,
      );
    }
    await clock.sleep(ASK_AGAIN_MS, signal);
  }
}
