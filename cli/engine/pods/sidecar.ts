import { CONTAINER } from "../../../core/contract.ts";
import type { PodView } from "./pod-view.ts";

/** Whether the pod's sidecar runs and can be asked. */
export function hasSidecar(pod: PodView): boolean {
  return pod.containers.some(({ name, state }) => name === CONTAINER.proxy && state.kind === "running");
}
