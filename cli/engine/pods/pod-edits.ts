/** Which pods have what was edited in place, as the session's record and the pods' own status tell. Pure. */
import { CONTAINER } from "../../../core/contract.ts";
import { type EditsSummary, summaryOf } from "../../../core/edits.ts";
import type { SessionEdits } from "../../../core/session.ts";
import { containerNamed, newestBuild, type PodView } from "./pod-view.ts";

/** What the pod started with; `undefined` for nothing, and before that is known. */
export function startedWith(pod: PodView): EditsSummary | undefined {
  const build = containerNamed(pod, CONTAINER.build)?.state;
  return build?.kind === "terminated" ? summaryOf(build.message) : undefined;
}

/** The number of edits of the session that a pod of the edited build lacks; 0 when none of them lacks any. */
export function lostEdits(session: string, edits: SessionEdits | undefined, pods: readonly PodView[]): number {
  if (edits === undefined || edits.edits === 0) return 0;
  const started = pods.filter(
    (pod) =>
      newestBuild(pod, session) === edits.build && containerNamed(pod, CONTAINER.build)?.state.kind === "terminated",
  );
  const lacks = (pod: PodView): boolean => !edits.pods.includes(pod.uid) && startedWith(pod)?.id !== edits.id;
  return started.some(lacks) ? edits.edits : 0;
}
