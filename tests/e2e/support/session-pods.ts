/** Pods of sessions, as they come and go. */
import { kubectlOk } from "./cluster.ts";

const READY_MS_MAX = 60_000;

export interface SessionPod {
  readonly name: string;
  readonly node: string;
  /** That was built. */
  readonly image: string;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The one ready pod of the space's session whose name is another than `before`. */
export async function readySessionPod(space: string, before = ""): Promise<SessionPod> {
  for (const end = Date.now() + READY_MS_MAX; Date.now() < end; await Bun.sleep(250)) {
    const list = await kubectlOk(["-n", space, "get", "pods", "-l", "azds.io/session", "-o", "json"]);
    const { items } = JSON.parse(list) as { readonly items: readonly Pod[] };
    const pod = items.find(
      ({ metadata, status }) =>
        metadata.name !== before &&
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
    );
    const image = pod?.spec.containers.find((container) => container.image.includes(`/${space}/`))?.image;
    if (pod !== undefined && image !== undefined)
      return { name: pod.metadata.name, node: pod.spec.nodeName ?? "", image };
  }
  throw new Error(`No ready pod:\n${await kubectlOk(["-n", space, "get", "pods,events"])}`);
}

/** Reasons and messages, one a line. */
export async function podEvents(space: string, pod: string): Promise<string> {
  const selector = `--field-selector=involvedObject.name=${pod}`;
  const path = "jsonpath={range .items[*]}{.reason}: {.message}\n{end}";
  return kubectlOk(["-n", space, "get", "events", selector, "-o", path]);
}
