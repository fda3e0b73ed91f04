/** Images that the nodes cannot get, read from the pods of azds; pure. */
import { podView, type PodView } from "../engine/pods/pod-view.ts";

export interface ImageProblem {
  readonly pod: string;
  readonly node: string;
  readonly image: string;
  /** The kubelet's own code, for example `ErrImagePull`. */
  readonly reason: string;
  /** The kubelet's own words. */
  readonly message: string;
}

/** `waiting.reason` of the kubelet while a container has no image. */
const REASONS: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "RegistryUnavailable",
]);

/**
 * At most one problem for each pod.
 * @param images references that count: pods of an older version may wait for theirs while they are replaced
 */
export function imageProblems(pods: readonly unknown[], images: readonly string[]): readonly ImageProblem[] {
  const problems = pods.map(podView).flatMap((pod) => (pod.deleting ? [] : (problemOf(pod) ?? [])));
  return problems.filter(({ image }) => images.includes(image));
}

function problemOf({ name, node, containers }: PodView): ImageProblem | undefined {
  for (const { image, state } of containers) {
    if (state.kind === "waiting" && REASONS.has(state.reason)) {
      return { pod: name, node, image, reason: state.reason, message: state.message || state.reason };
    }
  }
  return undefined;
}
