import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { portsOf, type Ports } from "../enable/ports.ts";
import { disable, findRemains, findWhatStays } from "../enable/removal.ts";

/** @throws AzdsError DECLINED */
export async function run(_args: unknown, context: Context): Promise<number> {
  const ports = portsOf(context, await connect(context));
  const target = ports.cluster.context;
  const remains = await findRemains(ports);
  if (!remains.namespace && !remains.objects) {
    say(ports, `azds is not enabled on cluster '${target}'; there is nothing to remove`);
    return 0;
  }
  const agreed = await ports.ask({
    kind: "confirm",
    id: "disable",
    text: `The azds controller in the namespace '${SYSTEM_NAMESPACE}' of the Kubernetes cluster '${target}' will be deleted. This will remove Dev Spaces instrumentation from the cluster for new workloads. Continue?`,
    whenEmpty: false,
    whenUnattended: false,
  });
  if (!agreed) throw new AzdsError("DECLINED", "azds was not removed; `-y` answers yes where nobody can be asked");
  await disable(ports, remains);
  await sayWhatStays(ports);
  return 0;
}

/** Pods named one by one; the others are counted. */
const PODS_SHOWN = 10;

async function sayWhatStays(ports: Ports): Promise<void> {
  const { spaces, pods } = await findWhatStays(ports);
  say(
    ports,
    spaces.length === 0
      ? "No dev space is left."
      : `Dev spaces stay as namespaces with their labels: ${spaces.join(", ")}`,
  );
  if (pods.length > 0) {
    const more = pods.length > PODS_SHOWN ? ` and ${pods.length - PODS_SHOWN} more` : "";
    const names = pods.slice(0, PODS_SHOWN).join(", ");
    say(ports, `Pods keep their sidecar until they are made anew: ${names}${more}`);
  }
  say(ports, "Images that were built stay on the nodes, and the builder's cache in /var/lib/azds-*.");
}

function say({ emit }: Ports, text: string): void {
  emit({ type: "message", level: "info", text });
}
