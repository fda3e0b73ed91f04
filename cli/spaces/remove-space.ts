import { AzdsError } from "../../core/errors.ts";
import { namespacePath } from "../../core/kube/paths.ts";
import { KubeError } from "../../core/kube/types.ts";
import { POLL_MS, SPACE_REMOVED_MS_MAX } from "../../core/limits.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";
import { stepper } from "../engine/steps.ts";
import type { CurrentSpace } from "./current.ts";
import { listTree, unlabelSpace } from "./namespaces.ts";
import { planRemove, type RemoveRequest } from "./plan-remove.ts";
import { selectedSpace, storeSelection } from "./selection.ts";

/** @throws AzdsError DECLINED, TIMED_OUT and those of planRemove */
export async function removeSpace(context: Context, cluster: Cluster, request: RemoveRequest): Promise<void> {
  const { emit, signal, host } = context;
  const space = planRemove(await listTree(cluster.kube, signal), request);
  await confirm(space, request, { context, cluster });
  const step = stepper(emit, host.clock);
  if (request.keepNamespace) {
    await step("remove-space", `Removing dev space '${space.path}', keeping its namespace`, () =>
      unlabelSpace(cluster.kube, space.name, signal),
    );
    emit({
      type: "message",
      level: "info",
      text: "Pods that run keep their instrumentation until they are made anew.",
    });
  } else {
    await step("remove-space", `Removing dev space '${space.path}'`, () =>
      deleteNamespace(context, cluster, space.name),
    );
  }
  if ((await selectedSpace(context, cluster)) === space.name) await selectParent(context, cluster, space);
}

interface Surroundings {
  readonly context: Context;
  readonly cluster: Cluster;
}

async function confirm(
  space: CurrentSpace,
  { keepNamespace }: RemoveRequest,
  { context, cluster }: Surroundings,
): Promise<void> {
  const inside = keepNamespace ? [] : await contents(cluster, space.name, context.signal);
  const what = inside.length === 0 ? "It is empty." : `It contains ${inside.join(", ")}.`;
  const text = keepNamespace
    ? `Namespace '${space.name}' will no longer be a dev space; its workloads stay. Continue?`
    : `Dev space '${space.path}' and everything in it will be deleted. ${what} Continue?`;
  const agreed = await context.ask({
    kind: "confirm",
    id: "remove-space",
    text,
    whenEmpty: false,
    whenUnattended: false,
  });
  if (!agreed) throw new AzdsError("DECLINED", `Dev space \`${space.path}\` was not removed`);
}

/** What people would miss: plural → its collection. */
const KINDS: Readonly<Record<string, string>> = {
  services: "/api/v1",
  deployments: "/apis/apps/v1",
  statefulsets: "/apis/apps/v1",
  persistentvolumeclaims: "/api/v1",
};
const NAMES_SHOWN_MAX = 8;

async function contents(cluster: Cluster, space: string, signal: AbortSignal): Promise<readonly string[]> {
  const lists = Object.entries(KINDS).map(async ([plural, base]) => {
    const names = await namesOf(cluster, `${base}/namespaces/${space}/${plural}`, signal);
    if (names.length === 0) return [];
    const shown = names.slice(0, NAMES_SHOWN_MAX).join(", ");
    return [`${plural} ${shown}${names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : ""}`];
  });
  return (await Promise.all(lists)).flat();
}

async function namesOf(cluster: Cluster, collection: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const objects = await cluster.kube.list(collection, signal);
    return objects.flatMap((object) => asString(at(object, "metadata", "name")) ?? []);
  } catch (error) {
    // Whoever may delete a namespace need not be allowed to read what is in it.
    if (error instanceof KubeError && error.status === 403) return [];
    throw error;
  }
}

/** Returns when the namespace is gone: a space of the same name can be made right after. */
async function deleteNamespace({ host, signal }: Context, { kube }: Cluster, name: string): Promise<void> {
  await kube.remove(namespacePath(name), { signal });
  const until = host.clock.now() + SPACE_REMOVED_MS_MAX;
  for (;;) {
    const namespace = await kube.find(namespacePath(name), signal);
    if (namespace === undefined) return;
    if (host.clock.now() >= until)
      throw new AzdsError("TIMED_OUT", `Namespace \`${name}\` is still being deleted: ${remains(namespace)}`);
    await host.clock.sleep(POLL_MS, signal);
  }
}

/** Why, from the namespace's own conditions. */
function remains(namespace: unknown): string {
  const conditions = asArray(at(namespace, "status", "conditions")).filter(
    (condition) => at(condition, "status") === "True",
  );
  const messages = conditions.flatMap((condition) => asString(at(condition, "message")) ?? []);
  return messages.length === 0 ? "Kubernetes gives no reason" : messages.join("; ");
}

async function selectParent(context: Context, cluster: Cluster, { ancestors }: CurrentSpace): Promise<void> {
  const [parent] = ancestors;
  await storeSelection(context, cluster, parent);
  const text = parent === undefined ? "No dev space is selected now." : `Dev space '${parent}' is selected now.`;
  context.emit({ type: "message", level: "info", text });
}
