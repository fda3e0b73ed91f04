/** What has to happen to bring the cluster from what is there to what is wanted; pure. */
import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { asString, at } from "../../core/parse.ts";
import { PART_OF, type KubeObject } from "../../templates/control-plane/object.ts";

/** The namespace `azds` as it is found. */
export type NamespaceState =
  | { readonly kind: "absent" }
  | { readonly kind: "ours"; readonly version: string }
  /** Being deleted, ours or not. */
  | { readonly kind: "ending" }
  /** Somebody else's: `contents` as `deployment/web`; empty when nothing is lost by taking it over. */
  | { readonly kind: "foreign"; readonly contents: readonly string[] };

export type InstallStep =
  | { readonly kind: "await-removal"; readonly text: string }
  | { readonly kind: "remove-foreign"; readonly text: string; readonly contents: readonly string[] }
  /** What an earlier run made and this one does without. */
  | { readonly kind: "remove"; readonly text: string; readonly objects: readonly KubeObject[] }
  /** All objects at once. */
  | { readonly kind: "apply"; readonly text: string; readonly objects: readonly KubeObject[] };

/** @param contents names of what is in the namespace; only looked at when it is foreign */
export function namespaceState(namespace: unknown, contents: readonly string[]): NamespaceState {
  if (namespace === undefined) return { kind: "absent" };
  if (at(namespace, "metadata", "deletionTimestamp") !== undefined) return { kind: "ending" };
  if (!isOurs(namespace)) return { kind: "foreign", contents };
  return { kind: "ours", version: asString(at(namespace, "metadata", "labels", "app.kubernetes.io/version")) ?? "" };
}

export function isOurs(object: unknown): boolean {
  return Object.entries(PART_OF).every(([label, value]) => at(object, "metadata", "labels", label) === value);
}

/**
 * Steps in order; what one step applies may need what the steps before it made.
 *
 * Invariant: nothing foreign is removed by any other step than `remove-foreign`, which names it.
 */
export function planInstall(
  state: NamespaceState,
  objects: readonly KubeObject[],
  obsolete: readonly KubeObject[] = [],
): readonly InstallStep[] {
  const apply = (phase: Phase, text: string): InstallStep => ({
    kind: "apply",
    text,
    objects: objects.filter((object) => phaseOf(object) === phase),
  });
  const upgrade = state.kind === "ours";
  return [
    ...makeRoom(state),
    apply("namespace", `${upgrade ? "Checking" : "Creating"} namespace '${SYSTEM_NAMESPACE}'`),
    apply("ground", "Setting up rights, policies and services"),
    apply("workload", `${upgrade ? "Updating" : "Creating"} webhook, controller, builder and gateway`),
    apply("admission", "Registering the webhook"),
    ...(upgrade && obsolete.length > 0
      ? [{ kind: "remove", text: "Removing what is no longer asked for", objects: obsolete } satisfies InstallStep]
      : []),
  ];
}

function makeRoom(state: NamespaceState): readonly InstallStep[] {
  const awaitRemoval: InstallStep = {
    kind: "await-removal",
    text: `Waiting for the end of the old namespace '${SYSTEM_NAMESPACE}'`,
  };
  switch (state.kind) {
    case "absent":
    case "ours":
      return [];
    case "ending":
      return [awaitRemoval];
    case "foreign": {
      const text = `Removing the foreign namespace '${SYSTEM_NAMESPACE}'`;
      return state.contents.length === 0
        ? []
        : [{ kind: "remove-foreign", text, contents: state.contents }, awaitRemoval];
    }
  }
}

type Phase = "namespace" | "ground" | "workload" | "admission";

function phaseOf({ kind }: KubeObject): Phase {
  switch (kind) {
    case "Namespace":
      return "namespace";
    case "Deployment":
    case "DaemonSet":
      return "workload";
    case "MutatingWebhookConfiguration":
      return "admission";
    default:
      return "ground";
  }
}
