/** Services of a space that lead to a pod, with the pod's port behind each of theirs. Pure over API objects. */
import { asArray, asNumber, asString, asStringRecord, at } from "../../../core/parse.ts";
import type { PodView } from "./pod-view.ts";

export interface ReachablePort {
  readonly service: string;
  readonly name: string;
  /** As the Service shows it. */
  readonly port: number;
  /** As the container listens. */
  readonly target: number;
  readonly http: boolean;
}

/** TCP ports of the Services whose selector takes in `pod`. */
export function reachablePorts(services: readonly unknown[], pod: PodView): readonly ReachablePort[] {
  return services.filter((service) => selects(service, pod)).flatMap((service) => portsOf(service, pod));
}

/** Never for a Service without a selector. */
export function selects(service: unknown, pod: PodView): boolean {
  const selector = Object.entries(asStringRecord(at(service, "spec", "selector")));
  return selector.length > 0 && selector.every(([key, value]) => pod.labels[key] === value);
}

function portsOf(service: unknown, pod: PodView): readonly ReachablePort[] {
  return asArray(at(service, "spec", "ports")).flatMap((port) => {
    if ((asString(at(port, "protocol")) ?? "TCP") !== "TCP") return [];
    const number = asNumber(at(port, "port")) ?? 0;
    const name = asString(at(port, "name")) ?? "";
    const target = targetOf(at(port, "targetPort"), number, pod);
    if (target === undefined) return [];
    return [
      {
        service: asString(at(service, "metadata", "name")) ?? "",
        name,
        port: number,
        target,
        http: isHttp(name, at(port, "appProtocol"), number),
      },
    ];
  });
}

function targetOf(targetPort: unknown, port: number, pod: PodView): number | undefined {
  if (targetPort === undefined) return port;
  const number = asNumber(targetPort);
  if (number !== undefined) return number;
  return pod.containers
    .map((container) => container.ports[asString(targetPort) ?? ""])
    .find((found) => found !== undefined);
}

function isHttp(name: string, appProtocol: unknown, port: number): boolean {
  if (appProtocol !== undefined) return asString(appProtocol)?.startsWith("http") === true;
  return name === "" ? port === 80 || port === 8080 : /^(http|web)(-|$)/.test(name);
}
