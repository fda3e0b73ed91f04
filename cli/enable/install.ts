/** Does what plan.ts decided. */
import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { objectPath } from "../../core/kube/paths.ts";
import type { KubeObject } from "../../templates/control-plane/object.ts";
import { namespaceContents } from "./namespace-contents.ts";
import { removeNamespace, SYSTEM_NAMESPACE_PATH, untilNamespaceIsGone } from "./namespace-removal.ts";
import { isOurs, namespaceState, planInstall, type InstallStep, type NamespaceState } from "./plan.ts";
import type { Ports } from "./ports.ts";

/** Names listed before a question; the others are counted. */
const CONTENTS_SHOWN = 20;

export async function findNamespaceState({ cluster, signal }: Ports): Promise<NamespaceState> {
  const namespace = await cluster.kube.find(SYSTEM_NAMESPACE_PATH, signal);
  const foreign = namespace !== undefined && !isOurs(namespace);
  return namespaceState(namespace, foreign ? await namespaceContents(cluster, SYSTEM_NAMESPACE, signal) : []);
}

/** @throws AzdsError NAMESPACE_FOREIGN unless the user, asked by name of all that is lost, agrees */
export async function agreeToReplace(ports: Ports, state: NamespaceState, replace: boolean): Promise<void> {
  if (state.kind !== "foreign" || state.contents.length === 0 || replace) return;
  const shown = state.contents.slice(0, CONTENTS_SHOWN);
  const more = state.contents.length - shown.length;
  const list = `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  ports.emit({
    type: "message",
    level: "warning",
    text: `The namespace '${SYSTEM_NAMESPACE}' is not of azds and holds ${list}`,
  });
  const agreed = await ports.ask({
    kind: "choose",
    id: "replace-namespace",
    text: `Everything in the namespace '${SYSTEM_NAMESPACE}' will be deleted.`,
    choices: [],
    first: 1,
    prompt: "Type its name to go on:",
    freeText: true,
    whenEmpty: "",
    // `-y` alone is no consent to losing somebody else's work.
    whenUnattended: "",
  });
  if (agreed === SYSTEM_NAMESPACE) return;
  throw new AzdsError(
    "NAMESPACE_FOREIGN",
    `The namespace \`${SYSTEM_NAMESPACE}\` is somebody else's and holds ${list}`,
  );
}

/** Server-side apply of all objects; running it again changes only what differs. */
export async function install(
  ports: Ports,
  state: NamespaceState,
  { objects, obsolete }: { readonly objects: readonly KubeObject[]; readonly obsolete: readonly KubeObject[] },
): Promise<void> {
  for (const [index, planned] of planInstall(state, objects, obsolete).entries()) {
    await ports.step(`install-${index}`, planned.text, async () => perform(ports, planned));
  }
}

async function perform({ cluster, clock, signal }: Ports, planned: InstallStep): Promise<void> {
  switch (planned.kind) {
    case "await-removal":
      return untilNamespaceIsGone({ cluster, clock, signal });
    case "remove-foreign":
      return removeNamespace(cluster, signal);
    case "remove":
      await Promise.all(
        planned.objects.map(async (object) => {
          const { name, namespace = "" } = object.metadata;
          await cluster.kube.remove(objectPath(object, namespace, name), { signal });
        }),
      );
      return;
    case "apply":
      await Promise.all(
        planned.objects.map(async (object) => {
          const { name, namespace = "" } = object.metadata;
          await cluster.kube.apply(objectPath(object, namespace, name), object, { force: true, signal });
        }),
      );
  }
}
