/** The pods that injection leaves alone. */
import { AGENT_FOLDER, AGENT_VOLUME, CONTAINER, NO_PROXY_LABEL, SPACE_LABEL } from "../core/contract.ts";
import { asArray, at } from "../core/parse.ts";
import { TOKEN_VOLUME } from "./containers.ts";
import { annotationsOf, containersOf, initContainersOf, nameOf, type Pod } from "./pod.ts";
import type { SkipReason } from "./reasons.ts";
import { sessionOfPod } from "./session-images.ts";

export interface Namespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Why `pod` must stay as it is, or `undefined` when it may be injected. The first reason that holds. */
export function skipReason(pod: Pod, namespace: Namespace): SkipReason | undefined {
  if (namespace.labels[SPACE_LABEL] !== "true") return "not-a-space";
  const names = [...initContainersOf(pod), ...containersOf(pod)].map(nameOf);
  if (names.includes(CONTAINER.proxy)) return "already-injected";
  if (containersOf(pod).length === 0) return "no-containers";
  if (annotationsOf(pod)["kubernetes.io/config.mirror"] !== undefined) return "static-pod";
  if (at(pod, "metadata", "labels", NO_PROXY_LABEL) === "true") return "opted-out";
  if (at(pod, "spec", "hostNetwork") === true) return "host-network";
  if (isForWindows(pod)) return "windows";
  return clashes(pod, names, sessionOfPod(pod) !== undefined) ? "name-clash" : undefined;
}

function isForWindows(pod: Pod): boolean {
  const selector = at(pod, "spec", "nodeSelector");
  return [
    at(pod, "spec", "os", "name"),
    at(selector, "kubernetes.io/os"),
    at(selector, "beta.kubernetes.io/os"),
  ].includes("windows");
}

/** Names of ours that the API server would refuse to see twice; those of the agent appear in session pods only. */
function clashes(pod: Pod, containerNames: readonly string[], inSession: boolean): boolean {
  const volumes = new Set(asArray(at(pod, "spec", "volumes")).map((volume) => at(volume, "name")));
  const folders = containersOf(pod).flatMap((container) =>
    asArray(container["volumeMounts"]).map((mount) => at(mount, "mountPath")),
  );
  return (
    containerNames.includes(CONTAINER.proxyInit) ||
    containerNames.includes(CONTAINER.build) ||
    containerNames.includes(CONTAINER.seed) ||
    volumes.has(TOKEN_VOLUME) ||
    (inSession && (volumes.has(AGENT_VOLUME) || folders.includes(AGENT_FOLDER)))
  );
}
