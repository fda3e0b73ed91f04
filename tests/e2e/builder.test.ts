/** Images that a node has lost or never had come back to the pods of a session, with no developer attached. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { developer, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { initProject, type Project } from "./support/project.ts";
import { removeImage } from "./support/node.ts";

const SPACE = "builds";
const SELECTOR = ["-n", SPACE, "get", "pods", "-l", "azds.io/session", "-o", "json"];
const READY_MS_MAX = 60_000;

let project: Project;

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The one ready pod of the session whose name is another than `before`. */
async function readyPod(
  before = "",
): Promise<{ readonly name: string; readonly node: string; readonly image: string }> {
  for (const end = Date.now() + READY_MS_MAX; Date.now() < end; await Bun.sleep(250)) {
    const { items } = JSON.parse(await kubectlOk(SELECTOR)) as { readonly items: readonly Pod[] };
    const pod = items.find(
      ({ metadata, status }) =>
        metadata.name !== before &&
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
    );
    const image = pod?.spec.containers.find((container) => container.image.includes(`/${SPACE}/`))?.image;
    if (pod !== undefined && image !== undefined)
      return { name: pod.metadata.name, node: pod.spec.nodeName ?? "", image };
  }
  throw new Error(`No ready pod:\n${await kubectlOk(["-n", SPACE, "get", "pods,events"])}`);
}

async function events(pod: string): Promise<string> {
  const selector = `--field-selector=involvedObject.name=${pod}`;
  return kubectlOk([
    "-n",
    SPACE,
    "get",
    "events",
    selector,
    "-o",
    "jsonpath={range .items[*]}{.reason}: {.message}\n{end}",
  ]);
}

beforeAll(async () => {
  await enabledCluster();
  const admin = developer();
  await admin.azds(["space", "select", "-n", SPACE, "-y"]);
  project = await initProject(admin, "web");
  const up = await project.azds(["up", "-d"]);
  if (up.code !== 0) throw new Error(up.stdout + up.stderr);
}, 180_000);

afterAll(async () => {
  await project.azds(["down", "-y"]);
  project.remove();
});

describe("an image comes back", () => {
  test("to a new pod on the node that removed it", async () => {
    const pod = await readyPod();
    await removeImage(pod.node, pod.image);
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    const next = await readyPod(pod.name);
    expect(next.image).toBe(pod.image);
    expect(await events(next.name)).toMatch(/ImageRestored: Image \S+ (was missing|was fetched)/);
  }, 100_000);

  test("to a pod on another node, from the one that is drained", async () => {
    const pod = await readyPod();
    const nodes = (await kubectlOk(["get", "nodes", "-o", "name"])).trim().split("\n");
    if (nodes.length < 2) return;
    await kubectlOk(["cordon", pod.node]);
    try {
      // Nothing of it may be there from an earlier run.
      const other = nodes.map((name) => name.replace("node/", "")).find((name) => name !== pod.node) ?? "";
      await removeImage(other, pod.image);
      await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
      const next = await readyPod(pod.name);
      expect(next).toMatchObject({ node: other, image: pod.image });
      expect(await events(next.name)).toContain("ImageRestored");
    } finally {
      await kubectlOk(["uncordon", pod.node]);
    }
  }, 100_000);
});
