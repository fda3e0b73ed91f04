/** The rights that enabling takes; pure. */
import { collectionPath } from "../../core/kube/paths.ts";
import type { KubeObject } from "../../templates/control-plane/object.ts";
import type { Right } from "../cluster/cluster.ts";

/** What enabling reads besides the objects it applies. */
const READ_RIGHTS: readonly Right[] = [
  { verb: "list", group: "", resource: "nodes" },
  { verb: "list", group: "", resource: "namespaces" },
  { verb: "list", group: "", resource: "pods" },
];

/** Each right once. A server-side apply takes `patch`, and `create` where the object is missing. */
export function rightsToEnable(objects: readonly KubeObject[]): readonly Right[] {
  const rights = [...READ_RIGHTS, ...objects.flatMap(rightsToApply)];
  return [...new Map(rights.map((right) => [describeRight(right), right])).values()];
}

function rightsToApply(object: KubeObject): readonly Right[] {
  const { namespace } = object.metadata;
  const slash = object.apiVersion.indexOf("/");
  const right = {
    group: slash < 0 ? "" : object.apiVersion.slice(0, slash),
    resource: collectionPath(object).split("/").at(-1) ?? "",
    ...(namespace === undefined ? {} : { namespace }),
  };
  return [
    { verb: "create", ...right },
    { verb: "patch", ...right },
  ];
}

/** As people write it to `kubectl auth can-i`: `create deployments.apps in namespace azds`. */
export function describeRight({ verb, group, resource, subresource, namespace }: Right): string {
  const what = `${resource}${subresource === undefined ? "" : `/${subresource}`}${group === "" ? "" : `.${group}`}`;
  return `${verb} ${what}${namespace === undefined ? "" : ` in namespace ${namespace}`}`;
}
