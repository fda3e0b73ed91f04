/** Things in a pod that do not forbid the injection, but that its author should hear of. */
import { PORT, PROXY_UID } from "../core/contract.ts";
import { asArray, at } from "../core/parse.ts";
import { annotationsOf, containersOf, initContainersOf, nameOf, type Pod } from "./pod.ts";
import type { Warning } from "./reasons.ts";
import type { Namespace } from "./skip.ts";

const OUR_PORTS: ReadonlySet<unknown> = new Set(Object.values(PORT));

export function podWarnings(pod: Pod, namespace: Namespace): readonly Warning[] {
  return [...meshes(pod, namespace), ...portClashes(pod), ...proxyUsers(pod)];
}

const MESH_CONTAINERS = new Set(["istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane"]);

/** Webhooks run in the order of their names, so a mesh may have come before us or may still come. */
function meshes(pod: Pod, namespace: Namespace): readonly Warning[] {
  const present = [...initContainersOf(pod), ...containersOf(pod)]
    .map(nameOf)
    .filter((name) => MESH_CONTAINERS.has(name));
  const coming = [
    ...(istioIsAsked(pod, namespace) ? ["istio-proxy"] : []),
    ...(["enabled", "ingress"].includes(annotationsOf(pod)["linkerd.io/inject"] ?? "") ? ["linkerd-proxy"] : []),
  ];
  return [...new Set([...present, ...coming])].map((detail) => ({ code: "mesh-sidecar", detail }));
}

/** The pod's wish counts more than the namespace's (Istio, "Controlling the injection policy"). */
function istioIsAsked(pod: Pod, { labels }: Namespace): boolean {
  const key = "sidecar.istio.io/inject";
  const wish = at(pod, "metadata", "labels", key) ?? annotationsOf(pod)[key];
  if (wish !== undefined) return wish === "true";
  return labels["istio-injection"] === "enabled" || labels["istio.io/rev"] !== undefined;
}

function portClashes(pod: Pod): readonly Warning[] {
  return containersOf(pod).flatMap((container) =>
    asArray(container["ports"])
      .filter((port) => OUR_PORTS.has(at(port, "containerPort")) && at(port, "protocol") !== "UDP")
      .map((port): Warning => {
        return { code: "port-clash", detail: `${nameOf(container)}: ${String(at(port, "containerPort"))}` };
      }),
  );
}

/** The redirect exempts the sidecar's traffic by its user id. */
function proxyUsers(pod: Pod): readonly Warning[] {
  const podUser = at(pod, "spec", "securityContext", "runAsUser");
  return containersOf(pod)
    .filter((container) => (at(container, "securityContext", "runAsUser") ?? podUser) === PROXY_UID)
    .map((container) => ({ code: "proxy-user", detail: nameOf(container) }));
}
