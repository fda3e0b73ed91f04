/** Spaces as people make them who have nothing but kubectl: labels on namespaces. */
import { apply, kubectlOk } from "./cluster.ts";

/** Namespace → parent space, or "root"; "none" makes a namespace that is no space. */
export type LabelledSpaces = Readonly<Record<string, string>>;

export interface SpaceOptions {
  /** Pod Security level that all of them enforce. */
  readonly level?: string;
}

/** Starts from nothing: what a killed run left is removed first. */
export async function labelSpaces(spaces: LabelledSpaces, { level }: SpaceOptions = {}): Promise<void> {
  await removeSpaces(spaces);
  await kubectlOk(["wait", "--for=delete", ...Object.keys(spaces).map((name) => `namespace/${name}`), "--timeout=60s"]);
  await apply(
    Object.entries(spaces).map(([name, parent]) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name,
        labels: {
          ...labelsOf(parent),
          ...(level === undefined ? {} : { "pod-security.kubernetes.io/enforce": level }),
        },
      },
    })),
  );
  // A pod's service account is made a moment after its namespace.
  await Promise.all(
    Object.keys(spaces).map(async (name) =>
      kubectlOk(["-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=20s"]),
    ),
  );
}

/** Does not wait until they are gone. */
export async function removeSpaces(spaces: LabelledSpaces): Promise<void> {
  const names = Object.keys(spaces);
  // What is still running need not end well: nobody looks any more.
  await Promise.all(
    names.map(async (name) => kubectlOk(["-n", name, "delete", "pods", "--all", "--force", "--wait=false"])),
  );
  await kubectlOk(["delete", "namespace", ...names, "--ignore-not-found", "--wait=false"]);
}

function labelsOf(parent: string): Readonly<Record<string, string>> {
  if (parent === "none") return {};
  return { "azds.io/space": "true", ...(parent === "root" ? {} : { "azds.io/parent-space": parent }) };
}
