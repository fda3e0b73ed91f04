import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { objectPath } from "../../core/kube/paths.ts";

/** Of a Secret in our own namespace. */
export function secretPath(name: string): string {
  return objectPath({ apiVersion: "v1", kind: "Secret" }, SYSTEM_NAMESPACE, name);
}
