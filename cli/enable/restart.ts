/** Names the pods of a space that are not instrumented yet and offers to make them anew. */
import { objectPath } from "../../core/kube/paths.ts";
import type { Ports } from "./ports.ts";
import { findUninstrumented, type Workload } from "./uninstrumented.ts";

/** The annotation with which `kubectl rollout restart` does the same. */
const RESTARTED_ANNOTATION = "kubectl.kubernetes.io/restartedAt";

/** @param attended false: nobody is asked and nothing restarted, `-y` or not, since others may be using the pods */
export async function offerRestart(ports: Ports, space: string, attended: boolean): Promise<void> {
  const { cluster, signal, emit } = ports;
  const [pods, replicaSets] = await Promise.all([
    cluster.kube.list(`/api/v1/namespaces/${space}/pods`, signal),
    cluster.kube.list(`/apis/apps/v1/namespaces/${space}/replicasets`, signal),
  ]);
  const found = findUninstrumented(pods, replicaSets);
  if (found.pods.length === 0) return;
  const text = `These pods of '${space}' were made before and are not instrumented: ${found.pods.join(", ")}`;
  emit({ type: "message", level: "warning", text });
  if (found.workloads.length === 0) return;
  const names = found.workloads.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`).join(", ");
  if (!attended) {
    const how = `kubectl --namespace ${space} rollout restart`;
    emit({ type: "message", level: "info", text: `To make them anew: ${how} ${names.replaceAll(",", "")}` });
    return;
  }
  const agreed = await ports.ask({
    kind: "confirm",
    id: "restart-workloads",
    text: `Restart ${names} now?`,
    whenEmpty: false,
    whenUnattended: false,
  });
  if (!agreed) return;
  await ports.step("restart", `Restarting ${names}`, async () => {
    await Promise.all(found.workloads.map(async (workload) => restart(ports, workload)));
  });
}

async function restart({ cluster, clock, signal }: Ports, { kind, namespace, name }: Workload): Promise<void> {
  const annotations = { [RESTARTED_ANNOTATION]: new Date(clock.now()).toISOString() };
  await cluster.kube.request({
    method: "PATCH",
    path: objectPath({ apiVersion: "apps/v1", kind }, namespace, name),
    contentType: "application/strategic-merge-patch+json",
    body: { spec: { template: { metadata: { annotations } } } },
    signal,
  });
}
